/* Errors are values: every call that can fail returns 0 or one of these negative codes, and leaves a message for the
 * calling thread that says what was tried, what was found and what to do. The library never prints, exits or aborts. */
#ifndef CLGEN_ERROR_H
#define CLGEN_ERROR_H

#ifdef __cplusplus
extern "C" {
#endif

enum {
  CLGEN_OK = 0,
  CLGEN_E_INVALID = -1,     /* an argument, option or shape that makes no sense */
  CLGEN_E_NOMEM = -2,       /* host or device memory */
  CLGEN_E_IO = -3,          /* the operating system refused a file operation */
  CLGEN_E_FORMAT = -4,      /* a file that is damaged or of another kind */
  CLGEN_E_DEVICE = -5,      /* the compute device or its driver failed */
  CLGEN_E_UNSUPPORTED = -6, /* well formed, but this device or build cannot do it */
  CLGEN_E_NOTFOUND = -7,    /* no such file, device, tensor, ... */
  CLGEN_E_NONFINITE = -8,   /* a loss or a gradient became NaN or infinite */
  CLGEN_E_INTERRUPTED = -9  /* the caller asked to stop */
};

/* The message of the calling thread's last failed call; "" if none failed yet. Valid until its next failed call. */
const char *clgen_last_error(void);

/* A few words for a code ("out of memory"). Never NULL. */
const char *clgen_error_name(int code);

#ifdef __cplusplus
}
#endif
#endif
