/* Does clFinish wait for what clFlush sent off? cc finish_after_flush.c -lOpenCL && RUSTICL_ENABLE=llvmpipe ./a.out PLATFORM
 * Prints the seconds until clFinish returns, and until a blocking read after it does, which has nothing to wait for when
 * clFinish does as OpenCL says. Exit status 0 then, 1 otherwise. */
#define CL_TARGET_OPENCL_VERSION 120
#include <CL/cl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static const char source[] =
    "kernel void slow(global float *x, int n) {\n"
    "  float y = x[get_global_id(0)];\n"
    "  for (int i = 0; i < n; i++) y = y * 0.999f + 0.5f;\n"
    "  x[get_global_id(0)] = y;\n"
    "}\n";

static double seconds(void) {
  struct timespec t;
  timespec_get(&t, TIME_UTC);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

int main(int argc, char **argv) {
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
  cl_kernel kernel = clCreateKernel(program, "slow", NULL);
  cl_mem mem = clCreateBuffer(context, CL_MEM_READ_WRITE, 65536 * sizeof(float), NULL, NULL);
  cl_int rounds = 20000;
  size_t size = 65536;
  clSetKernelArg(kernel, 0, sizeof mem, &mem);
  clSetKernelArg(kernel, 1, sizeof rounds, &rounds);
  int early = 0;
  for (int i = 0; i < 3; i++) {
    float first;
    double start = seconds();
    clEnqueueNDRangeKernel(queue, kernel, 1, NULL, &size, NULL, 0, NULL, NULL);
    clFlush(queue);
    clFinish(queue);
    double finished = seconds();
    clEnqueueReadBuffer(queue, mem, CL_TRUE, 0, sizeof first, &first, 0, NULL, NULL);
    double waited = seconds() - finished;
    printf("clFinish after %.4f s, the read %.4f s later\n", finished - start, waited);
    early |= waited > finished - start;
  }
  return early;
}
