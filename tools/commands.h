/* What `clgen` can do: one function a command, one file each. Their rows are in clgen.c. */
#ifndef CLGEN_TOOLS_COMMANDS_H
#define CLGEN_TOOLS_COMMANDS_H

/* argv[0] is "clgen train", for messages; the result is the exit status (common.h). */
int cmd_dataset(int argc, char **argv);
int cmd_train(int argc, char **argv);
int cmd_generate(int argc, char **argv);
int cmd_evaluate(int argc, char **argv);
int cmd_explore(int argc, char **argv);
int cmd_report(int argc, char **argv);
int cmd_plot(int argc, char **argv);
int cmd_inspect(int argc, char **argv);
int cmd_bench(int argc, char **argv);

/* The parts of `clgen explore`, with rows in cmd_explore.c. */
int explore_interpolate(int argc, char **argv);
int explore_traverse(int argc, char **argv);
int explore_directions(int argc, char **argv);
int explore_truncation(int argc, char **argv);
int explore_mix(int argc, char **argv);
int explore_nearest(int argc, char **argv);
int explore_latent(int argc, char **argv);
int explore_project(int argc, char **argv);
int explore_saliency(int argc, char **argv);
int explore_augment(int argc, char **argv);

/* The parts of `clgen bench`, with rows in cmd_bench.c; argv[0] is "clgen bench step". */
int bench_gemm(int argc, char **argv);
int bench_ops(int argc, char **argv);
int bench_step(int argc, char **argv);
int bench_generate(int argc, char **argv);

#endif
