/* Asking OpenCL drivers for their devices in child processes. */
#include "drivers.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/base.h"

/* ---- One look ------------------------------------------------------------------------------------------------------ */

/* A child that asks, and what became of it. */
typedef struct {
  pid_t pid;
  int answer, output; /* pipes' ends to read; -1: closed */
  bool ended, answered;
  int status;     /* of waitpid; -1: it was killed since it did not answer */
  char said[256]; /* the last line that the driver printed, or its beginning */
  size_t n_said;
  bool new_line;
} look;

static void child(int answer, int output, const char *vendors) {
  static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGALRM, SIGCHLD};
  for (size_t i = 0; i < CLGEN_COUNT(signals); i++) signal(signals[i], SIG_DFL);
  setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
  dup2(output, STDOUT_FILENO);
  dup2(output, STDERR_FILENO);
  if (vendors) {
    setenv("OCL_ICD_VENDORS", vendors, 1);
    unsetenv("OPENCL_VENDOR_PATH");
  }
  clgen_device_list *list = NULL;
  clgen_devices_find(&list);
  if (write(answer, "1", 1) == 1) _exit(0);
  _exit(1);
}

/* With `vendors` as OCL_ICD_VENDORS, NULL: with the environment as it is. */
static bool look_start(look *l, const char *vendors) {
  int answer[2], output[2];
  *l = (look){.pid = -1, .answer = -1, .output = -1};
  if (pipe(answer) != 0) return false;
  if (pipe(output) != 0) {
    close(answer[0]), close(answer[1]);
    return false;
  }
  fflush(NULL); /* what a driver that calls exit() would print once more */
  l->pid = fork();
  if (l->pid == 0) {
    close(answer[0]), close(output[0]);
    child(answer[1], output[1], vendors);
  }
  close(answer[1]), close(output[1]);
  l->answer = answer[0];
  l->output = output[0];
  fcntl(l->answer, F_SETFL, O_NONBLOCK);
  fcntl(l->output, F_SETFL, O_NONBLOCK);
  if (l->pid < 0) close(l->answer), close(l->output);
  return l->pid > 0;
}

static void read_output(look *l) {
  char text[512];
  ssize_t n;
  while ((n = read(l->output, text, sizeof text)) > 0)
    for (ssize_t i = 0; i < n; i++) {
      bool plain = (unsigned char)text[i] >= ' ' && (unsigned char)text[i] < 127;
      if (!plain) l->new_line = l->new_line || text[i] == '\n';
      if (!plain) continue;
      if (l->new_line) l->n_said = 0;
      l->new_line = false;
      if (l->n_said + 1 < sizeof l->said) l->said[l->n_said++] = text[i];
      l->said[l->n_said] = 0;
    }
}

/* Looks whether there is news, without waiting. */
static void look_check(look *l) {
  char byte;
  if (l->ended) return;
  pid_t ended = waitpid(l->pid, &l->status, WNOHANG);
  read_output(l);
  if (read(l->answer, &byte, 1) == 1) l->answered = true;
  if (l->answered && ended == 0) ended = waitpid(l->pid, &l->status, 0); /* it is on its way out */
  l->ended = ended != 0;
  if (l->ended) close(l->answer), close(l->output);
}

static void look_kill(look *l) {
  if (l->ended) return;
  kill(l->pid, SIGKILL);
  for (int i = 0; i < 100 && waitpid(l->pid, &l->status, WNOHANG) == 0; i++) /* one that sleeps in the kernel is left */
    nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
  l->ended = true;
  l->status = -1;
  close(l->answer), close(l->output);
}

static bool any_runs(const look *looks, size_t n) {
  for (size_t i = 0; i < n; i++)
    if (!looks[i].ended) return true;
  return false;
}

static double time_limit(void) {
  const char *text = getenv("CLGEN_DRIVER_TIMEOUT");
  double seconds = text ? strtod(text, NULL) : 0;
  return seconds > 0 && seconds < 1e6 ? seconds : 20;
}

/* Until all have ended, at most for the time limit. */
static void looks_wait(look *looks, size_t n, const clgen_logger *log) {
  const double said_after = 3;
  double begin = clgen_seconds(), limit = time_limit();
  bool said = false;
  while (any_runs(looks, n) && clgen_seconds() - begin < limit) {
    for (size_t i = 0; i < n; i++)
      if (!looks[i].ended) {
        struct pollfd fds[] = {{.fd = looks[i].answer, .events = POLLIN}, {.fd = looks[i].output, .events = POLLIN}};
        poll(fds, 2, 20);
        if (fds[0].revents & POLLHUP) nanosleep(&(struct timespec){.tv_nsec = 500000}, NULL); /* it is ending */
        look_check(&looks[i]);
      }
    if (!said && clgen_seconds() - begin > said_after)
      clgen_log_write(log, CLGEN_LOG_INFO, "waiting for the OpenCL drivers (at most %.0f s) ...", limit);
    said = said || clgen_seconds() - begin > said_after;
  }
  for (size_t i = 0; i < n; i++) look_kill(&looks[i]);
}

static bool interrupted(const look *l) {
  return !l->answered && l->status != -1 && WIFSIGNALED(l->status) &&
         (WTERMSIG(l->status) == SIGINT || WTERMSIG(l->status) == SIGTERM || WTERMSIG(l->status) == SIGHUP);
}

/* ---- The loader's entries ------------------------------------------------------------------------------------------- */

enum { MAX_ENTRIES = 64 };

typedef struct {
  char *path[MAX_ENTRIES];    /* files that name a driver's library */
  char *library[MAX_ENTRIES]; /* what they name */
  look look[MAX_ENTRIES];
  size_t n;
} entries;

static void add_entry(entries *e, char *path) {
  void *text = NULL;
  size_t size;
  if (!path || e->n == MAX_ENTRIES) {
    free(path);
    return;
  }
  if (clgen_file_read(path, 4096, &text, &size) == CLGEN_OK) ((char *)text)[strcspn(text, "\r\n")] = 0;
  e->path[e->n] = path;
  e->library[e->n++] = text;
}

static int by_name(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

/* Where ocl-icd and the Khronos loader look. */
static void find_entries(entries *e) {
  const char *place = getenv("OCL_ICD_VENDORS");
  if (!place || !place[0]) place = getenv("OPENCL_VENDOR_PATH");
  if (!place || !place[0]) place = "/etc/OpenCL/vendors";
  DIR *dir = opendir(place);
  if (!dir) {
    add_entry(e, clgen_strdup(place));
    return;
  }
  char *names[MAX_ENTRIES];
  size_t n = 0;
  for (struct dirent *d; (d = readdir(dir)) && n < MAX_ENTRIES;) {
    size_t length = strlen(d->d_name);
    if (length > 4 && strcmp(d->d_name + length - 4, ".icd") == 0) names[n++] = clgen_strdup(d->d_name);
  }
  closedir(dir);
  qsort(names, n, sizeof *names, by_name);
  for (size_t i = 0; i < n; i++) {
    add_entry(e, clgen_format("%s/%s", place, names[i] ? names[i] : ""));
    free(names[i]);
  }
}

static void entries_free(entries *e) {
  for (size_t i = 0; i < e->n; i++) free(e->path[i]), free(e->library[i]);
}

/* ---- Folders with some of the entries ------------------------------------------------------------------------------- */

/* The loaders are told a folder. Each driver gets one for its own look, and those that answer one together. */
static char *folder_make(const char *parent, const char *name) {
  char *folder = clgen_format("%s/%s", parent, name);
  if (folder && mkdir(folder, 0700) == 0) return folder;
  free(folder);
  return NULL;
}

static void folder_put(const char *folder, const entries *e, size_t i) {
  char *path = clgen_format("%s/%03zu.icd", folder, i);
  if (path && e->library[i]) clgen_file_write(path, e->library[i], strlen(e->library[i]));
  free(path);
}

static void folder_remove(char *folder) {
  DIR *dir = folder ? opendir(folder) : NULL;
  for (struct dirent *d; dir && (d = readdir(dir));) {
    char *path = d->d_name[0] != '.' ? clgen_format("%s/%s", folder, d->d_name) : NULL;
    if (path) unlink(path);
    free(path);
  }
  if (dir) closedir(dir);
  if (folder) rmdir(folder);
  free(folder);
}

/* ---- The verdict ----------------------------------------------------------------------------------------------------- */

static char *describe(const entries *e, size_t i) {
  const look *l = &e->look[i];
  char how[96];
  if (l->status == -1)
    snprintf(how, sizeof how, "it did not answer within %g s", time_limit());
  else if (WIFSIGNALED(l->status))
    snprintf(how, sizeof how, "it ended the process by signal %d (%s)", WTERMSIG(l->status), strsignal(WTERMSIG(l->status)));
  else
    snprintf(how, sizeof how, "it ended the process with exit status %d", WEXITSTATUS(l->status));
  return clgen_format("the driver of %s (%s) is passed over: asked for its devices, %s%s%s", e->path[i],
                      e->library[i] ? e->library[i] : "unreadable", how, l->said[0] ? "; it said: " : "", l->said);
}

static void report(const clgen_logger *log, char ***lines, size_t *n_lines, char *line) {
  if (!line) return;
  clgen_log_write(log, CLGEN_LOG_WARNING, "%s", line);
  char **more = lines ? realloc(*lines, (*n_lines + 1) * sizeof *more) : NULL;
  if (more) {
    *lines = more;
    more[(*n_lines)++] = line;
  } else
    free(line);
}

/* Lets the loader read its entries with OCL_ICD_VENDORS so; it does so once in a process. */
static void load(const char *vendors) {
  const char *before = getenv("OCL_ICD_VENDORS");
  char *kept = before ? clgen_strdup(before) : NULL;
  clgen_device_list *list = NULL;
  setenv("OCL_ICD_VENDORS", vendors, 1);
  if (clgen_devices_find(&list) == CLGEN_OK) clgen_devices_free(list);
  if (kept)
    setenv("OCL_ICD_VENDORS", kept, 1);
  else
    unsetenv("OCL_ICD_VENDORS");
  free(kept);
}

static void look_at_each(entries *e, const char *parent, const clgen_logger *log) {
  char *folder[MAX_ENTRIES] = {NULL}, name[24];
  for (size_t i = 0; i < e->n; i++) {
    snprintf(name, sizeof name, "%zu", i);
    folder[i] = parent ? folder_make(parent, name) : NULL;
    if (folder[i]) folder_put(folder[i], e, i);
    if (!look_start(&e->look[i], folder[i] ? folder[i] : e->path[i])) e->look[i].ended = true;
  }
  looks_wait(e->look, e->n, log);
  for (size_t i = 0; i < e->n; i++) folder_remove(folder[i]);
}

static void hide_the_failing(entries *e, const char *parent, const clgen_logger *log, char ***lines, size_t *n_lines) {
  char *good = parent ? folder_make(parent, "good") : NULL;
  const char *first = NULL;
  size_t n = 0;
  for (size_t i = 0; i < e->n; i++) n += e->look[i].answered;
  if (n == e->n)
    report(log, lines, n_lines,
           clgen_format("the OpenCL drivers fail together, though each answers alone: all but that of %s are passed over; "
                        "OCL_ICD_VENDORS=FILE chooses another",
                        n ? e->path[0] : "none"));
  for (size_t i = 0; i < e->n && !(first && n == e->n); i++) {
    if (!e->look[i].answered) report(log, lines, n_lines, describe(e, i));
    if (!e->look[i].answered) continue;
    if (good) folder_put(good, e, i);
    if (!first) first = e->path[i];
  }
  load(!first ? "/dev/null/none" : good ? good : first);
  folder_remove(good);
}

void tool_drivers_look(const clgen_logger *log, char ***lines, size_t *n_lines) {
  look all;
  if (!look_start(&all, NULL)) return; /* no process to be had: then in this one */
  looks_wait(&all, 1, log);
  if (interrupted(&all)) { /* Ctrl-C meant this process, too */
    signal(WTERMSIG(all.status), SIG_DFL);
    raise(WTERMSIG(all.status));
  }
  if (all.answered) return;
  entries *e = calloc(1, sizeof *e);
  char *base = tool_private_folder(), *parent = base ? clgen_format("%s/icd-XXXXXX", base) : NULL;
  if (parent && !mkdtemp(parent)) {
    free(parent);
    parent = NULL;
  }
  if (e) {
    find_entries(e);
    look_at_each(e, parent, log);
    hide_the_failing(e, parent, log, lines, n_lines);
    entries_free(e);
  }
  if (parent) rmdir(parent);
  free(parent);
  free(base);
  free(e);
}

void tool_drivers_ready(const char *spec, const clgen_logger *log, char ***lines, size_t *n_lines) {
  static bool ready; /* as the loader, which reads its entries once in a process */
  if (!spec || !spec[0]) spec = getenv("CLGEN_DEVICE");
  if (ready || (spec && strcasecmp(spec, "host") == 0)) return;
  ready = true;
  tool_drivers_environment(log);
  tool_drivers_look(log, lines, n_lines);
}
