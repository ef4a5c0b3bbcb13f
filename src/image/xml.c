/* Text in XML and HTML. */
#include <clgen/plot.h>

/* Bytes of the UTF-8 character at p, 0 if it is none: RFC 3629, without the characters that XML forbids. */
static int character(const unsigned char *p) {
  if (p[0] < 0x80) return (p[0] >= 0x20 && p[0] != 0x7f) || p[0] == '\t' || p[0] == '\n' || p[0] == '\r';
  int n = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
  if (p[0] < 0xc2 || p[0] > 0xf4) return 0;
  for (int i = 1; i < n; ++i)
    if ((p[i] & 0xc0) != 0x80) return 0;
  if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f)) return 0; /* overlong; halves of pairs */
  if ((p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f)) return 0;
  return p[0] == 0xef && p[1] == 0xbf && p[2] >= 0xbe ? 0 : n;
}

void clgen_xml_text(FILE *f, const char *text) {
  for (const unsigned char *p = (const unsigned char *)text; *p;) {
    int n = character(p);
    switch (*p) {
      case '&': fputs("&amp;", f); break;
      case '<': fputs("&lt;", f); break;
      case '>': fputs("&gt;", f); break;
      case '"': fputs("&quot;", f); break;
      case '\'': fputs("&#39;", f); break;
      default:
        if (n)
          fwrite(p, 1, (size_t)n, f);
        else
          fputs("&#xfffd;", f);
    }
    p += n ? n : 1;
  }
}
