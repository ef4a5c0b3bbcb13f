/* A run as one page of HTML. */
#ifndef CLGEN_REPORT_H
#define CLGEN_REPORT_H

#ifdef __cplusplus
extern "C" {
#endif

/* Writes what a run's folder holds (options, device, log, curves, metrics, decisions, grids) as one HTML file that needs
 * nothing else: no network, no other file. `output` NULL: report.html in the folder. It appears whole or not at all, and may
 * be made while the run goes on: a last line that is cut off is passed over, and where a run went back to an older snapshot
 * the later lines count. Grids are thinned out until the file is below about 20 MB.
 * CLGEN_E_NOTFOUND for a folder that holds no run. */
int clgen_report_write(const char *run_dir, const char *output);

#ifdef __cplusplus
}
#endif
#endif
