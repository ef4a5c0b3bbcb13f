/* embed IN OUT.c NAME: writes the text as `const char NAME[]`. Runs at build time, so that the build needs no other tool.
 */
#include <stdio.h>

int main(int argc, char **argv) {
  if (argc != 4) return fprintf(stderr, "usage: embed IN OUT NAME\n"), 2;
  FILE *in = fopen(argv[1], "rb"), *out = in ? fopen(argv[2], "wb") : NULL;
  if (!in || !out) return perror(in ? argv[2] : argv[1]), 1;
  fprintf(out, "extern const char %s[];\nconst char %s[] = {", argv[3], argv[3]);
  int c, n = 0;
  while ((c = getc(in)) != EOF) fprintf(out, "%s%d,", n++ % 24 ? "" : "\n", c);
  fprintf(out, "0};\n");
  fclose(in);
  return fclose(out) != 0;
}
