#include "base/base.h"

#include <stdarg.h>
#include <string.h>

/* A message per thread is part of the interface (clgen/error.h), not hidden state: nothing reads it to decide anything. */
static _Thread_local char message[4096]; /* lists of candidates and compilers' logs are long */
static _Thread_local int last_code;

const char *clgen_last_error(void) { return message; }

const char *clgen_error_name(int code) {
  switch (code) {
    case CLGEN_OK: return "success";
    case CLGEN_E_INVALID: return "invalid argument";
    case CLGEN_E_NOMEM: return "out of memory";
    case CLGEN_E_IO: return "input/output error";
    case CLGEN_E_FORMAT: return "bad file format";
    case CLGEN_E_DEVICE: return "device error";
    case CLGEN_E_UNSUPPORTED: return "unsupported";
    case CLGEN_E_NOTFOUND: return "not found";
    case CLGEN_E_NONFINITE: return "not finite";
    case CLGEN_E_INTERRUPTED: return "interrupted";
    default: return "unknown error";
  }
}

int clgen_fail(int code, const char *format, ...) {
  char text[sizeof message]; /* the arguments may point into the old message */
  va_list args;
  va_start(args, format);
  clgen_vsnprintf(text, sizeof text, format, args);
  va_end(args);
  memcpy(message, text, sizeof message);
  last_code = code;
  return code;
}

int clgen_last_code(void) { return last_code ? last_code : CLGEN_E_INVALID; }

void clgen_forget_error(void) {
  message[0] = 0;
  last_code = CLGEN_OK;
}

int clgen_fail_prefix(int code, const char *format, ...) {
  char prefix[512];
  va_list args;
  va_start(args, format);
  clgen_vsnprintf(prefix, sizeof prefix, format, args);
  va_end(args);
  return clgen_fail(code, "%s: %s", prefix, message);
}

int clgen_fail_nomem(size_t bytes) {
  return clgen_fail(CLGEN_E_NOMEM, "out of memory: could not allocate %zu bytes", bytes);
}

void clgen_log_write(const clgen_logger *log, clgen_log_level level, const char *format, ...) {
  if (!log || !log->write) return;
  char text[1024];
  va_list args;
  va_start(args, format);
  clgen_vsnprintf(text, sizeof text, format, args);
  va_end(args);
  log->write(log->user, level, text);
}
