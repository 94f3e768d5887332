// The kernel of the op segloss::loss (segloss_op.py): the value and the gradient of the terms below, in one call.
#include <executorch/runtime/kernel/kernel_runtime_context.h>
#include <executorch/runtime/kernel/operator_registry.h>

#include <vector>

#include "segloss.hpp"

using executorch::aten::ScalarType;
using executorch::aten::Tensor;
using namespace executorch::runtime;

static const segloss::WeightedSum terms{{1.0, segloss::Dice{}}, {1.0, segloss::CrossEntropy{}}};

static segloss::Tensor view(const Tensor& tensor) {
  const std::vector<int64_t> shape(tensor.sizes().begin(), tensor.sizes().end());
  const std::vector<int64_t> strides(tensor.strides().begin(), tensor.strides().end());
  const auto type = tensor.scalar_type() == ScalarType::Float  ? segloss::Dtype::f32
                    : tensor.scalar_type() == ScalarType::Byte ? segloss::Dtype::u8
                                                               : segloss::Dtype{};  // refused by the call
  return {tensor.const_data_ptr(), type, shape, strides};
}

// The stack holds the arguments of the schema, outputs last, then the returned values.
static void loss(KernelRuntimeContext& context, Span<EValue*> stack) try {
  segloss::Batch batch;
  batch.activation = segloss::Activation::softmax;
  batch.pred = view(stack[0]->toTensor());
  batch.target = view(stack[1]->toTensor());
  segloss::Outputs outputs;
  outputs.grad = stack[3]->toTensor().mutable_data_ptr<float>();
  std::vector<std::byte> scratch(terms.scratch_size(batch));
  *stack[2]->toTensor().mutable_data_ptr<float>() = static_cast<float>(terms.run(batch, outputs, scratch));
} catch (const segloss::Error& error) {
  ET_LOG(Error, "segloss::loss: %s", error.what());
  context.fail(Error::InvalidArgument);
}

static const Error registered = register_kernel(Kernel("segloss::loss.out", loss));
