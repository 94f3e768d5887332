// Descent on logits that a CUDA device holds, by a loss on the host:
//
//   device   a kernel makes the logits, as a network would
//   host     they are copied to pinned memory, and the loss writes its gradient over them
//   device   the gradient is copied back, and a kernel takes the step
//
// Without a device the program says so and takes the same steps in plain memory. With one it takes both ways and
// compares: the loss is the same function and the step the same rounding, so that every loss must have the same bits.
// Build: nvcc -std=c++17 -arch=native -Iinclude examples/cuda/descent.cu segloss.o

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include <cuda_runtime.h>

#include "segloss.h"

namespace {

constexpr int64_t CLASSES = 3, EDGE = 96;
constexpr size_t VOXELS = EDGE * EDGE, COUNT = CLASSES * VOXELS;
constexpr int STEPS = 20;
// The loss is a mean, so that the slope of a voxel is of the order of 1 / VOXELS.
constexpr float RATE = 2.0f * VOXELS;

// What a network might say: small multiples of 1/512, exact on every processor.
__host__ __device__ float first_logit(size_t i) { return static_cast<float>(i * 7919 % 2003) / 512.0f - 2.0f; }

// One rounding, by device and host alike.
__host__ __device__ float stepped(float logit, float slope) { return fmaf(-RATE, slope, logit); }

__global__ void make(float *logits) {
  const size_t i = size_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (i < COUNT) logits[i] = first_logit(i);
}

__global__ void descend(float *logits, const float *slopes) {
  const size_t i = size_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (i < COUNT) logits[i] = stepped(logits[i], slopes[i]);
}

[[noreturn]] void fail(const char *what, const char *why) {
  std::fprintf(stderr, "%s: %s\n", what, why);
  std::exit(1);
}

void check(cudaError_t status, const char *what) {
  if (status != cudaSuccess) fail(what, cudaGetErrorString(status));
}

// nnU-Net's Dice and cross entropy against a disc and its core.
class DiscLoss {
public:
  DiscLoss() : labels_(VOXELS) {
    for (int64_t y = 0; y < EDGE; y++)
      for (int64_t x = 0; x < EDGE; x++) {
        const int64_t square = (y - 40) * (y - 40) + (x - 52) * (x - 52);
        labels_[static_cast<size_t>(y * EDGE + x)] = static_cast<uint8_t>((square < 900) + (square < 200));
      }
    check(segloss_preset_dice_cross_entropy(terms_, sizeof terms_[0], &n_terms_));
    check(segloss_args_init(&args_, sizeof args_));
    args_.activation = SEGLOSS_SOFTMAX;
    args_.pred = {nullptr, shape_, nullptr, 4, SEGLOSS_F32};
    args_.target = {labels_.data(), label_shape_, nullptr, 3, SEGLOSS_U8};
    args_.value = &value_;
    args_.error = &error_;
    size_t bytes = 0;
    check(segloss_scratch_size(terms_, n_terms_, &args_, &bytes));
    scratch_.resize(bytes);
    args_.scratch = scratch_.data();
    args_.scratch_size = bytes;
  }
  DiscLoss(const DiscLoss &) = delete;

  // The value; the gradient is written over the logits, so that one pinned buffer serves both ways.
  double differentiate(float *logits) {
    args_.pred.data = args_.grad.data = logits;
    check(segloss_run(terms_, n_terms_, &args_));
    return value_;
  }

private:
  void check(segloss_status status) {
    if (status != SEGLOSS_OK) fail(error_.argument ? error_.argument : "segloss", segloss_status_string(status));
  }

  const int64_t shape_[4] = {1, CLASSES, EDGE, EDGE}, label_shape_[3] = {1, EDGE, EDGE};
  std::vector<uint8_t> labels_;
  std::vector<unsigned char> scratch_;
  segloss_term terms_[SEGLOSS_MAX_TERMS] = {};
  size_t n_terms_ = 0;
  segloss_args args_ = {};
  segloss_error error_ = {};
  double value_ = 0;
};

// Logits and slopes on the device, and the pinned buffer that the loss sees.
class Device {
public:
  Device() {
    check(cudaStreamCreate(&stream_), "cudaStreamCreate");
    check(cudaMalloc(&logits_, BYTES), "cudaMalloc");
    check(cudaMalloc(&slopes_, BYTES), "cudaMalloc");
    check(cudaMallocHost(&pinned_, BYTES), "cudaMallocHost");
    make<<<BLOCKS, THREADS, 0, stream_>>>(logits_);
    check(cudaGetLastError(), "make");
  }
  Device(const Device &) = delete;
  ~Device() {
    cudaFreeHost(pinned_);
    cudaFree(slopes_);
    cudaFree(logits_);
    cudaStreamDestroy(stream_);
  }

  float *fetch() {
    check(cudaMemcpyAsync(pinned_, logits_, BYTES, cudaMemcpyDeviceToHost, stream_), "logits to the host");
    check(cudaStreamSynchronize(stream_), "logits to the host");
    return pinned_;
  }

  // The copy back is done before the next fetch can write to the pinned buffer: one stream keeps the order.
  void step() {
    check(cudaMemcpyAsync(slopes_, pinned_, BYTES, cudaMemcpyHostToDevice, stream_), "gradient to the device");
    descend<<<BLOCKS, THREADS, 0, stream_>>>(logits_, slopes_);
    check(cudaGetLastError(), "descend");
  }

private:
  static constexpr size_t BYTES = COUNT * sizeof(float);
  static constexpr unsigned THREADS = 256, BLOCKS = (COUNT + THREADS - 1) / THREADS;
  cudaStream_t stream_ = nullptr;
  float *logits_ = nullptr, *slopes_ = nullptr, *pinned_ = nullptr;
};

// The same in plain memory.
class Host {
public:
  Host() : logits_(COUNT), seen_(COUNT) {
    for (size_t i = 0; i < COUNT; i++) logits_[i] = first_logit(i);
  }

  float *fetch() {
    seen_ = logits_;
    return seen_.data();
  }

  void step() {
    for (size_t i = 0; i < COUNT; i++) logits_[i] = stepped(logits_[i], seen_[i]);
  }

private:
  std::vector<float> logits_, seen_;
};

template <class Memory> std::vector<double> train() {
  Memory memory;
  DiscLoss loss;
  std::vector<double> values;
  for (int step = 0; step < STEPS; step++) {
    values.push_back(loss.differentiate(memory.fetch()));
    memory.step();
  }
  return values;
}

}  // namespace

int main() {
  const std::vector<double> values = train<Host>();
  int devices = 0;
  const cudaError_t status = cudaGetDeviceCount(&devices);
  if (status == cudaSuccess && devices > 0) {
    if (train<Device>() != values) fail("device and host", "the losses differ");
    std::puts("logits on the device: the same losses as in plain memory, bit for bit");
  } else {
    std::printf("no CUDA device (%s): the logits are in plain memory\n", cudaGetErrorString(status));
  }
  for (size_t step = 0; step < values.size(); step++) {
    std::printf("step %2zu  loss %.6f\n", step, values[step]);
    if (step > 0 && !(values[step] < values[step - 1])) fail("loss", "does not fall");
  }
  if (!(values.back() < 0.5 * values.front())) fail("loss", "has not halved");
}
