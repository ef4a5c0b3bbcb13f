/* For sanitized builds, loaded before all else: libraries stay until the process ends. Without this the loader unloads the
 * OpenCL drivers before LeakSanitizer looks, which then cannot tell by name what is a driver's (lsan.supp). */
int dlclose(void *handle);
int dlclose(void *handle) {
  (void)handle;
  return 0;
}
