/* Golden values and gradients of PyTorch (tests/golden), every constant by its name in the header, and every preset.
 * tests/c.rs converts golden.json to the text file read here: words, then a count and that many numbers. */
#include "check.h"
#include "table.h"

enum { MOST = 4096, TERMS = SEGLOSS_MAX_TERMS };
#define TOLERANCE 1e-12 /* both sides are f64 sums of a few hundred numbers */

typedef struct {
  double of[MOST];
  size_t count;
} numbers;

static FILE *file;
static unsigned char scratch[1 << 20];
static numbers shape, pred, labels, maps, weight, present, spacing, ignore, gradient, class_weight[TERMS], field[TERMS];

static void word(char *to) { CHECK(fscanf(file, "%79s", to) == 1); }

static double number(void) {
  double x;
  CHECK(fscanf(file, "%lf", &x) == 1);
  return x;
}

static void read_numbers(const char *name, numbers *to) {
  char said[80];
  size_t k;
  word(said);
  CHECK(strcmp(said, name) == 0);
  to->count = (size_t)number();
  CHECK(to->count <= MOST);
  for (k = 0; k < to->count; k++) to->of[k] = number();
}

/* The constants that were used, by name. */
enum {
  DICE_SQUARED, GDICE_INVERSE, GDICE_UNIFORM, TOPK_THRESHOLD, BOUNDARY_RIM_ZERO, HAUSDORFF_TARGET_ONLY,
  HAUSDORFF_PREDICTION_ONLY, HAUSDORFF_ARGMAX, HAUSDORFF_INTERIOR, HAUSDORFF_LOG, CLASS_POOLED, SAMPLE_MEAN,
  SAMPLE_POOLED, ABSENT_SKIPPED, NORMALIZE_BY_CLASS_WEIGHT, MINUS_ONE, FIELD_COMPLETE, SOFTMAX, SIGMOID, PROBABILITY,
  PROBABILITY_PER_CLASS, CONSTANTS
};
static int used[CONSTANTS];
#define USE(name) (used[name]++, (uint32_t)SEGLOSS_##name)

#define FORM(name, type, uses, variants) {#name, segloss_##name},
static const struct {
  const char *name;
  const segloss_loss *(*form)(void);
} forms[] = {EVERY_LOSS(FORM)};
enum { FORMS = sizeof forms / sizeof forms[0] };
static int form_used[FORMS];

#define PRESET(name) {"preset_" #name, segloss_preset_##name},
static const struct {
  const char *name;
  segloss_status (*fill)(segloss_term *, size_t, size_t *);
} presets[] = {EVERY_PRESET(PRESET)};
enum { PRESETS = sizeof presets / sizeof presets[0] };
static int preset_used[PRESETS];

/* The constant of a variant, which the file holds as a plain number. */
static uint32_t variant_of(const char *form, int n) {
  if (n == 0) return 0;
  if (strcmp(form, "dice") == 0 || strcmp(form, "iou") == 0) return USE(DICE_SQUARED);
  if (strcmp(form, "generalized_dice") == 0 || strcmp(form, "penalty") == 0) return n == 1 ? USE(GDICE_INVERSE) : USE(GDICE_UNIFORM);
  if (strcmp(form, "top_k") == 0) return USE(TOPK_THRESHOLD);
  if (strcmp(form, "boundary") == 0) return USE(BOUNDARY_RIM_ZERO);
  CHECK(strcmp(form, "hausdorff") == 0);
  return ((n & 1) ? USE(HAUSDORFF_TARGET_ONLY) : 0) | ((n & 2) ? USE(HAUSDORFF_PREDICTION_ONLY) : 0) | ((n & 4) ? USE(HAUSDORFF_ARGMAX) : 0) |
         ((n & 8) ? USE(HAUSDORFF_INTERIOR) : 0) | ((n & 16) ? USE(HAUSDORFF_LOG) : 0);
}

/* A term: the defaults, then the parameters in the file. */
static segloss_term read_term(int k) {
  static int64_t full[SEGLOSS_MAX_NDIM], flat[SEGLOSS_MAX_NDIM];
  segloss_term term;
  char name[80];
  int count, n, i, of_form = -1;
  size_t axis, voxels = 1;
  word(name);
  for (i = 0; i < FORMS; i++)
    if (strcmp(forms[i].name, name) == 0) of_form = i;
  CHECK(of_form >= 0);
  form_used[of_form]++;
  CHECK(segloss_term_init(forms[of_form].form(), &term, sizeof term) == SEGLOSS_OK);
  for (count = (int)number(); count > 0; count--) {
    char key[80];
    double x;
    word(key);
    x = number();
    n = (int)x;
    if (strcmp(key, "weight") == 0) term.weight = x;
    else if (strcmp(key, "alpha") == 0) term.alpha = x;
    else if (strcmp(key, "beta") == 0) term.beta = x;
    else if (strcmp(key, "gamma") == 0) term.gamma = x;
    else if (strcmp(key, "k") == 0) term.k = x;
    else if (strcmp(key, "smooth_numerator") == 0) term.smooth_numerator = x;
    else if (strcmp(key, "smooth_denominator") == 0) term.smooth_denominator = x;
    else if (strcmp(key, "label_smoothing") == 0) term.label_smoothing = x;
    else if (strcmp(key, "variant") == 0) term.variant = variant_of(name, n);
    else if (strcmp(key, "class_average") == 0) term.class_average = n ? USE(CLASS_POOLED) : SEGLOSS_CLASS_MEAN;
    else if (strcmp(key, "sample_average") == 0)
      term.sample_average = n == 2 ? USE(SAMPLE_POOLED) : n == 1 ? SEGLOSS_SAMPLE_MEAN : SEGLOSS_SAMPLE_DEFAULT;
    else if (strcmp(key, "absent") == 0) term.absent = n ? USE(ABSENT_SKIPPED) : SEGLOSS_ABSENT_COUNTED;
    else if (strcmp(key, "normalizer") == 0)
      term.normalizer = n ? USE(NORMALIZE_BY_CLASS_WEIGHT) : SEGLOSS_NORMALIZE_BY_VOXELS;
    else {
      CHECK(strcmp(key, "flags") == 0 && n <= 2);
      term.flags = n == 1 ? USE(MINUS_ONE) : n == 2 ? USE(FIELD_COMPLETE) : 0;
    }
  }
  read_numbers("class_weight", &class_weight[k]);
  read_numbers("field", &field[k]);
  if (class_weight[k].count > 0) term.class_weight = class_weight[k].of;
  for (axis = 0; axis < shape.count; axis++) {
    full[axis] = (int64_t)shape.of[axis];
    if (axis != 1) {
      flat[axis == 0 ? 0 : axis - 1] = full[axis];
      voxels *= (size_t)full[axis];
    }
  }
  if (field[k].count == voxels && shape.of[1] > 1)
    term.field = tensor(field[k].of, SEGLOSS_F64, (uint32_t)shape.count - 1, flat);
  else if (field[k].count > 0)
    term.field = tensor(field[k].of, SEGLOSS_F64, (uint32_t)shape.count, full);
  return term;
}

static void check_run(const char *title, const segloss_term *terms, size_t n_terms, segloss_args args, double expected) {
  static double ours[MOST];
  segloss_error error;
  double value = -7, largest = 0;
  size_t i;
  args.value = &value;
  args.grad.data = ours;
  args.error = &error;
  if (segloss_run(terms, n_terms, &args) != SEGLOSS_OK) {
    fprintf(stderr, "%s: %s: %s\n", title, error.argument, error.expected);
    exit(1);
  }
  for (i = 0; i < gradient.count; i++) largest = fmax(largest, fabs(gradient.of[i]));
  for (i = 0; i < gradient.count; i++)
    if (!(fabs(ours[i] - gradient.of[i]) <= TOLERANCE * largest)) {
      fprintf(stderr, "%s at %d: %.17g, not %.17g\n", title, (int)i, ours[i], gradient.of[i]);
      exit(1);
    }
  if (!(fabs(value - expected) <= TOLERANCE * fabs(expected))) {
    fprintf(stderr, "%s: %.17g, not %.17g\n", title, value, expected);
    exit(1);
  }
}

static void entry(const char *title) {
  static int64_t full[SEGLOSS_MAX_NDIM], flat[SEGLOSS_MAX_NDIM], classes[MOST], ignored[MOST];
  static uint8_t flags[MOST];
  const uint32_t activations[] = {SEGLOSS_SOFTMAX, SEGLOSS_SIGMOID, SEGLOSS_PROBABILITY, SEGLOSS_PROBABILITY_PER_CLASS};
  segloss_term terms[TERMS];
  segloss_args args;
  double expected;
  size_t k, n_terms;
  int activation;
  CHECK(segloss_args_init(&args, sizeof args) == SEGLOSS_OK);
  activation = (int)number();
  CHECK(activation >= 1 && activation <= 4);
  args.activation = activations[activation - 1];
  used[SOFTMAX + activation - 1]++;
  read_numbers("shape", &shape);
  for (k = 0; k < shape.count; k++) {
    full[k] = (int64_t)shape.of[k];
    if (k != 1) flat[k == 0 ? 0 : k - 1] = full[k];
  }
  read_numbers("pred", &pred);
  read_numbers("labels", &labels);
  read_numbers("maps", &maps);
  read_numbers("voxel_weight", &weight);
  read_numbers("class_present", &present);
  read_numbers("spacing", &spacing);
  read_numbers("ignore", &ignore);
  args.pred = tensor(pred.of, SEGLOSS_F64, (uint32_t)shape.count, full);
  for (k = 0; k < labels.count; k++) classes[k] = (int64_t)labels.of[k];
  if (labels.count > 0) args.target = tensor(classes, SEGLOSS_I64, (uint32_t)shape.count - 1, flat);
  else args.target = tensor(maps.of, SEGLOSS_F64, (uint32_t)shape.count, full);
  if (weight.count > 0) args.voxel_weight = tensor(weight.of, SEGLOSS_F64, (uint32_t)shape.count - 1, flat);
  for (k = 0; k < present.count; k++) flags[k] = (uint8_t)present.of[k];
  if (present.count > 0) args.class_present = flags;
  if (spacing.count > 0) args.spacing = spacing.of;
  for (k = 0; k < ignore.count; k++) ignored[k] = (int64_t)ignore.of[k];
  args.ignore = ignored;
  args.ignore_len = (uint32_t)ignore.count;
  args.scratch = scratch;
  args.scratch_size = sizeof scratch;
  n_terms = (size_t)number();
  CHECK(n_terms >= 1 && n_terms <= TERMS);
  for (k = 0; k < n_terms; k++) terms[k] = read_term((int)k);
  expected = number();
  read_numbers("grad", &gradient);
  CHECK(gradient.count == pred.count);
  check_run(title, terms, n_terms, args, expected);
  /* The default of sample_average, given explicitly. */
  for (k = 0; k < n_terms; k++)
    if (terms[k].smooth_denominator != 0 && terms[k].sample_average == SEGLOSS_SAMPLE_DEFAULT)
      terms[k].sample_average = USE(SAMPLE_MEAN);
  check_run(title, terms, n_terms, args, expected);
  for (k = 0; k < PRESETS; k++)
    if (strcmp(title, presets[k].name) == 0) {
      segloss_term preset[SEGLOSS_MAX_TERMS];
      size_t count = 0;
      CHECK(presets[k].fill(preset, sizeof preset[0], &count) == SEGLOSS_OK);
      check_run(title, preset, count, args, expected);
      preset_used[k]++;
    }
}

int main(int argc, char **argv) {
  char title[80];
  int k, entries = 0;
  CHECK(argc == 2);
  file = fopen(argv[1], "r");
  CHECK(file != NULL);
  for (word(title); strcmp(title, "end") != 0; word(title)) {
    entry(title);
    entries++;
  }
  CHECK(entries > 500);
  for (k = 0; k < CONSTANTS; k++) CHECK(used[k] > 0);
  for (k = 0; k < FORMS; k++) CHECK(form_used[k] > 0);
  for (k = 0; k < PRESETS; k++) CHECK(preset_used[k] > 0);
  printf("%d entries passed\n", entries);
  return 0;
}
