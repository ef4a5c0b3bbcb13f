/* Does a loop of a work-item turn as often as it says? cc loop_turns.c -lOpenCL && RUSTICL_ENABLE=llvmpipe ./a.out PLATFORM
 * Prints how often the inner one of two loops turned, and how often it should have. Exit status 0 when they agree. */
#define CL_TARGET_OPENCL_VERSION 120
#include <CL/cl.h>
#include <stdio.h>
#include <stdlib.h>

static const char source[] =
    "kernel void turn(global uint *out, int outer, int inner) {\n"
    "  uint turns = 0;\n"
    "  for (int i = 0; i < outer; i++)\n"
    "    for (int k = 0; k < inner; k++) turns += 1 + (out[0] >> 31);\n" /* which no compiler can do at once */
    "  out[0] = turns;\n"
    "}\n";

int main(int argc, char **argv) {
  static const cl_int loops[][2] = {{1, 65535}, {1, 65536}, {1, 1000000}, {255, 250}, {256, 256}, {300, 300}};
  cl_platform_id platforms[16];
  cl_device_id device;
  cl_uint n = 0, which = argc > 1 ? (cl_uint)atoi(argv[1]) : 0;
  if (clGetPlatformIDs(16, platforms, &n) || which >= n ||
      clGetDeviceIDs(platforms[which], CL_DEVICE_TYPE_ALL, 1, &device, NULL))
    return fprintf(stderr, "no such device\n"), 1;
  cl_context context = clCreateContext(NULL, 1, &device, NULL, NULL, NULL);
  cl_command_queue queue = clCreateCommandQueue(context, device, 0, NULL);
  const char *text = source;
  cl_program program = clCreateProgramWithSource(context, 1, &text, NULL, NULL);
  if (clBuildProgram(program, 1, &device, "", NULL, NULL)) return fprintf(stderr, "the kernel does not compile\n"), 1;
  cl_kernel kernel = clCreateKernel(program, "turn", NULL);
  cl_mem mem = clCreateBuffer(context, CL_MEM_READ_WRITE, sizeof(cl_uint), NULL, NULL);
  int wrong = 0;
  for (size_t i = 0; i < sizeof loops / sizeof *loops; i++) {
    cl_uint turns = 0, expected = (cl_uint)(loops[i][0] * loops[i][1]);
    size_t one = 1;
    clEnqueueWriteBuffer(queue, mem, CL_TRUE, 0, sizeof turns, &turns, 0, NULL, NULL);
    clSetKernelArg(kernel, 0, sizeof mem, &mem);
    for (int k = 0; k < 2; k++) clSetKernelArg(kernel, 1 + (cl_uint)k, sizeof(cl_int), &loops[i][k]);
    clEnqueueNDRangeKernel(queue, kernel, 1, NULL, &one, NULL, 0, NULL, NULL);
    clEnqueueReadBuffer(queue, mem, CL_TRUE, 0, sizeof turns, &turns, 0, NULL, NULL);
    printf("%d x %d: %u turns of %u\n", (int)loops[i][0], (int)loops[i][1], turns, expected);
    wrong |= turns != expected;
  }
  return wrong;
}
