/* The losses of the npm package, computed by the native library: reads calls from standard input and writes value and
 * gradient of each to standard output.
 *
 * A call is a line, "ACTIVATION B C Y X" with the activation's number, then for each term its loss with names and
 * numbers of fields, as "; tversky alpha 0.25", or "; preset NAME"; after the line, B*C*Y*X floats and B*Y*X labels. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../../../tests/c/table.h"
#include "segloss.h"

static void fail(const char *what) {
  fprintf(stderr, "native: %s\n", what);
  exit(1);
}

static void check(segloss_status status) {
  if (status != SEGLOSS_OK) fail(segloss_status_string(status));
}

static const segloss_loss *loss(const char *name) {
#define LOSS(loss, type, uses, variants) \
  if (strcmp(name, #loss) == 0) return segloss_##loss();
  EVERY_LOSS(LOSS)
  fail(name);
  return NULL;
}

static size_t preset(const char *name, segloss_term *terms) {
  size_t count = 0;
#define PRESET(preset) \
  if (strcmp(name, #preset) == 0) check(segloss_preset_##preset(terms, sizeof *terms, &count));
  EVERY_PRESET(PRESET)
  if (count == 0) fail(name);
  return count;
}

static void set(segloss_term *term, const char *field, double number) {
#define DOUBLE(name) \
  if (strcmp(field, #name) == 0) { term->name = number; return; }
#define INTEGER(name) \
  if (strcmp(field, #name) == 0) { term->name = (uint32_t)number; return; }
  DOUBLE(weight) DOUBLE(alpha) DOUBLE(beta) DOUBLE(gamma) DOUBLE(k) DOUBLE(smooth_numerator)
  DOUBLE(smooth_denominator) DOUBLE(label_smoothing)
  INTEGER(flags) INTEGER(variant) INTEGER(class_average) INTEGER(sample_average) INTEGER(absent) INTEGER(normalizer)
  fail(field);
}

static size_t parse(char *text, segloss_term *terms) {
  size_t count = 0;
  char *word;
  for (word = strtok(text, " \n"); word; word = strtok(NULL, " \n")) {
    char *next;
    if (strcmp(word, ";") == 0) {
      next = strtok(NULL, " \n");
      if (!next || count == SEGLOSS_MAX_TERMS) fail("a term is missing, or there are too many");
      if (strcmp(next, "preset") == 0) return preset(strtok(NULL, " \n"), terms);
      check(segloss_term_init(loss(next), &terms[count++], sizeof *terms));
    } else {
      next = strtok(NULL, " \n");
      if (!next || count == 0) fail(word);
      set(&terms[count - 1], word, strtod(next, NULL));
    }
  }
  return count;
}

static void *allocate(size_t bytes) {
  void *memory = malloc(bytes);
  if (!memory) fail("out of memory");
  return memory;
}

static void read_exactly(void *to, size_t bytes) {
  if (fread(to, 1, bytes, stdin) != bytes) fail("the input is too short");
}

int main(void) {
  char line[1024];
  while (fgets(line, sizeof line, stdin)) {
    segloss_term terms[SEGLOSS_MAX_TERMS];
    segloss_args args;
    int64_t shape[4], flat[3];
    unsigned activation;
    int rest = 0;
    size_t bytes = 0, voxels, count;
    double value = 0;
    float *pred, *gradient;
    uint8_t *labels;
    long long b, c, y, x;
    if (sscanf(line, "%u %lld %lld %lld %lld %n", &activation, &b, &c, &y, &x, &rest) != 5) fail(line);
    shape[0] = flat[0] = b, shape[1] = c, shape[2] = flat[1] = y, shape[3] = flat[2] = x;
    voxels = (size_t)(b * y * x);
    pred = allocate(voxels * (size_t)c * sizeof *pred);
    gradient = allocate(voxels * (size_t)c * sizeof *gradient);
    labels = allocate(voxels);
    read_exactly(pred, voxels * (size_t)c * sizeof *pred);
    read_exactly(labels, voxels);
    count = parse(line + rest, terms);
    check(segloss_args_init(&args, sizeof args));
    args.activation = activation;
    args.pred.data = pred, args.pred.shape = shape, args.pred.ndim = 4, args.pred.dtype = SEGLOSS_F32;
    args.target.data = labels, args.target.shape = flat, args.target.ndim = 3, args.target.dtype = SEGLOSS_U8;
    args.value = &value;
    args.grad.data = gradient;
    check(segloss_scratch_size(terms, count, &args, &bytes));
    args.scratch = allocate(bytes), args.scratch_size = bytes;
    check(segloss_run(terms, count, &args));
    fwrite(&value, sizeof value, 1, stdout);
    fwrite(gradient, sizeof *gradient, voxels * (size_t)c, stdout);
    free(args.scratch), free(labels), free(gradient), free(pred);
  }
  return 0;
}
