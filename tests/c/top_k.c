/* TopK by fraction over 1, 2 and 7 parts in any order has the search state, value and gradient of the whole batch. */
#include "check.h"

enum { C = 3, N = 8 * SEGLOSS_CHUNK - 11, PARTS = 7 };

static float logits[C * N], whole[C * N], pieces[C * N];
static uint8_t labels[N];
static unsigned char scratch[1 << 23];
static const int64_t strides[] = {C * N, N, 1};
static int64_t part_shape[3] = {1, C, 0}, part_flat[2] = {1, 0};

/* The part with the voxels start to end of the only sample. */
static segloss_args part_of(const segloss_args *all, int64_t start, int64_t end) {
  segloss_args part = *all;
  part_shape[2] = part_flat[1] = end - start;
  part.pred = tensor(logits + start, SEGLOSS_F32, 3, part_shape);
  part.pred.strides = strides;
  part.target = tensor(labels + start, SEGLOSS_U8, 2, part_flat);
  part.value = NULL;
  part.grad.data = NULL;
  return part;
}

/* The first voxel of part p of `parts`. */
static int64_t bound(int p, int parts) {
  const int64_t at = (int64_t)p * (N / parts) / SEGLOSS_CHUNK * SEGLOSS_CHUNK;
  return p == parts ? N : at;
}

int main(void) {
  static const int counts[] = {1, 2, PARTS};
  const int64_t shape[] = {1, C, N}, flat[] = {1, N};
  static segloss_top_k_search first, search, elsewhere, of_part;
  segloss_term terms[2];
  segloss_args args, part;
  segloss_error error;
  segloss_class_sums sums[C], slopes[C];
  double value = 0, in_parts = 0;
  int i, k, p, parts;

  /* Few different logits, so that many voxels tie at the threshold. */
  for (i = 0; i < C * N; i++) logits[i] = (float)painted(i);
  for (i = 0; i < N; i++) labels[i] = (uint8_t)(i % 7 % 4 == 3 ? 255 : i % 7 % 4);
  segloss_term_init(segloss_dice(), &terms[0], sizeof terms[0]);
  segloss_term_init(segloss_top_k(), &terms[1], sizeof terms[1]);
  segloss_args_init(&args, sizeof args);
  {
    static const int64_t ignored = 255;
    args.ignore = &ignored;
    args.ignore_len = 1;
  }
  args.activation = SEGLOSS_SOFTMAX;
  args.pred = tensor(logits, SEGLOSS_F32, 3, shape);
  args.target = tensor(labels, SEGLOSS_U8, 2, flat);
  args.value = &value;
  args.grad.data = whole;
  args.scratch = scratch;
  args.scratch_size = sizeof scratch;
  args.error = &error;
  args.class_sums = sums; /* so that the value is the sum of those of the classes, as in parts */
  CHECK(segloss_run(terms, 2, &args) == SEGLOSS_OK);
  args.class_sums = NULL;

  for (k = 0; k < 3; k++) {
    parts = counts[k];
    terms[1].top_k_search = NULL;
    CHECK(segloss_top_k_begin(&search) == SEGLOSS_OK);
    for (i = 0; !search.done; i++) {
      CHECK(i < 3);
      /* The last part is counted in a copy, as on another machine, and merged. */
      elsewhere = search;
      for (p = parts - 1; p >= 0; p--) {
        part = part_of(&args, bound(p, parts), bound(p + 1, parts));
        CHECK(segloss_top_k_count(terms, 2, 1, &part, p == parts - 1 ? &elsewhere : &search) == SEGLOSS_OK);
      }
      CHECK(segloss_top_k_merge(&search, &elsewhere) == SEGLOSS_OK);
      CHECK(segloss_top_k_narrow(&terms[1], &search) == SEGLOSS_OK);
    }
    if (k == 0) first = search;
    CHECK(memcmp(&first, &search, sizeof search) == 0);
    CHECK(search.places > 0 && search.ties > search.places);

    terms[1].top_k_search = &search;
    memset(sums, 0, sizeof sums);
    for (p = 0; p < parts; p++) {
      part = part_of(&args, bound(p, parts), bound(p + 1, parts));
      CHECK(segloss_accumulate(terms, 2, &part, sums) == SEGLOSS_OK);
    }
    part = args;
    part.value = &in_parts;
    part.grad.data = NULL;
    CHECK(segloss_finalize(terms, 2, &part, sums, slopes) == SEGLOSS_OK);
    CHECK(in_parts == value);
    for (p = 0; p < parts; p++) {
      part = part_of(&args, bound(p, parts), bound(p + 1, parts));
      part.grad.data = pieces + bound(p, parts);
      CHECK(segloss_backward(terms, 2, &part, slopes) == SEGLOSS_OK);
    }
    CHECK(memcmp(whole, pieces, sizeof whole) == 0);
  }

  /* The calls that a search refuses without a change of its state. */
  of_part = search;
  part = part_of(&args, 0, 64);
  CHECK(segloss_top_k_count(terms, 2, 1, &part, &of_part) == SEGLOSS_PARAMETER); /* the term has a search */
  CHECK(segloss_top_k_count(terms, 2, 1, &part, &search) == SEGLOSS_OVERLAP);
  terms[1].top_k_search = NULL;
  CHECK(segloss_accumulate(terms, 2, &part, sums) == SEGLOSS_UNSUPPORTED && error.term == 1);
  CHECK(segloss_top_k_count(terms, 2, 1, &part, &of_part) == SEGLOSS_PARAMETER); /* the search is done */
  CHECK(segloss_top_k_narrow(&terms[1], &of_part) == SEGLOSS_PARAMETER);
  CHECK(segloss_top_k_count(terms, 2, 0, &part, &elsewhere) == SEGLOSS_PARAMETER); /* Dice */
  CHECK(segloss_top_k_count(terms, 2, 2, &part, &elsewhere) == SEGLOSS_PARAMETER); /* no such term */
  CHECK(segloss_top_k_count(terms, 2, 1, &part, NULL) == SEGLOSS_NULL_POINTER);
  CHECK(segloss_top_k_narrow(&terms[0], &elsewhere) == SEGLOSS_PARAMETER);
  CHECK(segloss_top_k_merge(&of_part, &of_part) == SEGLOSS_OVERLAP);
  CHECK(segloss_top_k_begin(NULL) == SEGLOSS_NULL_POINTER);
  CHECK(memcmp(&of_part, &first, sizeof first) == 0);
  memset(&of_part, 0xff, sizeof of_part); /* not a search: an error or an end, but no endless loop */
  (void)segloss_top_k_count(terms, 2, 1, &part, &of_part);
  memset(&of_part, 0x11, sizeof of_part);
  of_part.done = 0;
  CHECK(segloss_top_k_count(terms, 2, 1, &part, &of_part) == SEGLOSS_DTYPE);
  (void)segloss_top_k_narrow(&terms[1], &of_part);
  puts("passed");
  return 0;
}
