/* Each field of a DLPack tensor, the refused tensors, and a run through the adapter against the same run without it. */
#include "check.h"
#include "segloss_dlpack.h"

enum { C = 2, H = 3, W = 4, ALL = C * H * W };

static float logits[ALL + 2];
static uint8_t labels[H * W];
static unsigned char scratch[1 << 19];
static int64_t shape[] = {1, C, H, W}, flat[] = {1, H, W};

static DLTensor exported(void *data, uint8_t code, uint8_t bits, int32_t ndim, int64_t *extents) {
  const int32_t cpu = 1;
  DLTensor dl;
  memset(&dl, 0, sizeof dl);
  dl.data = data;
  memcpy(&dl.device.device_type, &cpu, sizeof cpu); /* an enum in some versions */
  dl.ndim = ndim;
  dl.dtype.code = code;
  dl.dtype.bits = bits;
  dl.dtype.lanes = 1;
  dl.shape = extents;
  return dl;
}

static int refuses(const DLTensor *dl, segloss_status status, const char *word) {
  segloss_error error;
  segloss_tensor tensor, before;
  memset(&tensor, 0x5a, sizeof tensor);
  memset(&error, 0, sizeof error);
  before = tensor;
  CHECK(segloss_dlpack_input(dl, "pred", &tensor, NULL) == status);
  return segloss_dlpack_input(dl, "pred", &tensor, &error) == status && error.status == status &&
         error.term == UINT32_MAX && strcmp(error.argument, "pred") == 0 && strstr(error.expected, word) != NULL &&
         memcmp(&tensor, &before, sizeof tensor) == 0;
}

static void every_dtype(void) {
  static const struct {
    uint32_t code, bits, dtype;
  } known[] = {{6, 8, SEGLOSS_BOOL}, {1, 8, SEGLOSS_U8},   {1, 16, SEGLOSS_U16},
               {1, 32, SEGLOSS_U32}, {1, 64, SEGLOSS_U64}, {0, 8, SEGLOSS_I8},    {0, 16, SEGLOSS_I16},
               {0, 32, SEGLOSS_I32}, {0, 64, SEGLOSS_I64}, {2, 16, SEGLOSS_F16},
               {4, 16, SEGLOSS_BF16}, {2, 32, SEGLOSS_F32}, {2, 64, SEGLOSS_F64}};
  uint32_t code, bits;
  size_t k, taken = 0;
  for (code = 0; code < 256; code++)
    for (bits = 0; bits < 256; bits++) {
      const DLTensor dl = exported(logits, (uint8_t)code, (uint8_t)bits, 4, shape);
      segloss_tensor tensor;
      const segloss_status status = segloss_dlpack_input(&dl, "pred", &tensor, NULL);
      for (k = 0; k < sizeof known / sizeof known[0]; k++)
        if (known[k].code == code && known[k].bits == bits) {
          CHECK(status == SEGLOSS_OK && tensor.dtype == known[k].dtype);
          taken++;
        }
      if (status != SEGLOSS_OK) CHECK(status == SEGLOSS_DTYPE);
    }
  CHECK(taken == 13);
}

static void what_is_refused(void) {
  DLTensor dl = exported(logits, 2, 32, 4, shape);
  int32_t device;
  CHECK(refuses(NULL, SEGLOSS_NULL_POINTER, "DLPack"));
  for (device = 0; device < 32; device++) {
    segloss_tensor tensor;
    memcpy(&dl.device.device_type, &device, sizeof device);
    if (device == 1 || device == 3 || device == 11)
      CHECK(segloss_dlpack_input(&dl, "pred", &tensor, NULL) == SEGLOSS_OK);
    else
      CHECK(refuses(&dl, SEGLOSS_UNSUPPORTED, "host memory"));
  }
  dl = exported(logits, 2, 32, 4, shape);
  dl.dtype.lanes = 4;
  CHECK(refuses(&dl, SEGLOSS_DTYPE, "lanes"));
  dl = exported(logits, 2, 32, -1, shape);
  CHECK(refuses(&dl, SEGLOSS_SHAPE, "axes"));
  dl = exported(logits, 2, 32, 17, shape);
  CHECK(refuses(&dl, SEGLOSS_SHAPE, "axes"));
  dl = exported(logits, 2, 32, 4, NULL);
  CHECK(refuses(&dl, SEGLOSS_NULL_POINTER, "shape"));
}

static void outputs(void) {
  int64_t strides[SEGLOSS_MAX_NDIM], other[] = {1, C, W, H}, reversed[] = {1, 1, 1, 1};
  const segloss_tensor like = tensor(logits, SEGLOSS_F32, 4, shape);
  DLTensor dl = exported(logits, 2, 64, 4, shape);
  segloss_output output;
  segloss_error error;
  CHECK(segloss_dlpack_output(&dl, 0, "grad", &like, strides, &output, &error) == SEGLOSS_OK);
  CHECK(output.dtype == SEGLOSS_F64 && output.data == logits && output.strides == strides);
  CHECK(strides[0] == ALL && strides[1] == H * W && strides[2] == W && strides[3] == 1);
  dl.strides = reversed;
  dl.byte_offset = 4;
  CHECK(segloss_dlpack_output(&dl, 2, "grad", &like, strides, &output, &error) == SEGLOSS_OK);
  CHECK(output.strides == reversed && output.data == logits + 1);
  CHECK(segloss_dlpack_output(&dl, 1, "grad", &like, strides, &output, &error) == SEGLOSS_UNSUPPORTED);
  CHECK(strstr(error.expected, "writable") != NULL);
  dl.shape = other;
  CHECK(segloss_dlpack_output(&dl, 0, "grad", &like, strides, &output, &error) == SEGLOSS_SHAPE && error.index == 2);
  dl.ndim = 3;
  CHECK(segloss_dlpack_output(&dl, 0, "grad", &like, strides, &output, &error) == SEGLOSS_SHAPE && error.index == -1);
  CHECK(segloss_dlpack_output(NULL, 0, "grad", &like, strides, &output, &error) == SEGLOSS_NULL_POINTER);
  CHECK(segloss_dlpack_output(&dl, 0, "grad", NULL, strides, &output, &error) == SEGLOSS_NULL_POINTER);
  CHECK(output.data == logits + 1 && output.strides == reversed);
}

/* An offset, strides, and no strides. */
static void a_run(void) {
  static float direct[ALL], through[ALL];
  int64_t last[] = {ALL, 1, W * C, C}, room[SEGLOSS_MAX_NDIM];
  segloss_term term;
  segloss_args args;
  segloss_error error;
  double value = 0, expected = 0;
  DLTensor pred = exported(logits, 2, 32, 4, shape), target = exported(labels, 1, 8, 3, flat);
  DLTensor grad = exported(through, 2, 32, 4, shape);
  int i;
  for (i = 0; i < ALL + 2; i++) logits[i] = (float)painted(i);
  for (i = 0; i < H * W; i++) labels[i] = i % 3 == 0;
  CHECK(segloss_term_init(segloss_dice(), &term, sizeof term) == SEGLOSS_OK);
  CHECK(segloss_args_init(&args, sizeof args) == SEGLOSS_OK);
  args.activation = SEGLOSS_SOFTMAX;
  args.value = &expected;
  args.scratch = scratch;
  args.scratch_size = sizeof scratch;
  args.pred = tensor(logits + 2, SEGLOSS_F32, 4, shape);
  args.pred.strides = last;
  args.target = tensor(labels, SEGLOSS_U8, 3, flat);
  {
    static const int64_t rows[] = {ALL, H * W, W, 1};
    args.grad.data = direct;
    args.grad.strides = rows;
  }
  CHECK(segloss_run(&term, 1, &args) == SEGLOSS_OK);

  pred.strides = last;
  pred.byte_offset = 2 * sizeof(float);
  args.value = &value;
  CHECK(segloss_dlpack_input(&pred, "pred", &args.pred, &error) == SEGLOSS_OK);
  CHECK(segloss_dlpack_input(&target, "target", &args.target, &error) == SEGLOSS_OK);
  CHECK(segloss_dlpack_output(&grad, 0, "grad", &args.pred, room, &args.grad, &error) == SEGLOSS_OK);
  CHECK(segloss_run(&term, 1, &args) == SEGLOSS_OK);
  CHECK(value == expected && value > 0 && memcmp(direct, through, sizeof direct) == 0);

  /* byte_offset is not added to the NULL address of an empty tensor. */
  pred.data = NULL;
  CHECK(segloss_dlpack_input(&pred, "pred", &args.pred, &error) == SEGLOSS_OK && args.pred.data == NULL);
}

int main(void) {
  every_dtype();
  what_is_refused();
  outputs();
  a_run();
  puts("passed");
  return 0;
}
