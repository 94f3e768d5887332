// Value and gradient of segloss against the same loss written in PyTorch: dtypes, memory formats, and the scan.
#include <cstdio>
#include <string>

#include "reference.h"
#include "scan.h"
#include "segloss_torch.h"

static int failures = 0;

// Prints the difference relative to the largest entry, and records whether it is too large.
static void close(const char* what, const torch::Tensor& ours, const torch::Tensor& theirs, double tolerance) {
  const double largest = theirs.abs().max().item<double>();
  const double error = (ours.to(torch::kDouble) - theirs.to(torch::kDouble)).abs().max().item<double>() / largest;
  const bool holds = error <= tolerance && largest > 0;
  std::printf("  %-34s %.1e of its largest entry, <= %.0e: %s\n", what, error, tolerance, holds ? "holds" : "FAILS");
  failures += !holds;
}

static segloss::WeightedSum make_loss(const torch::Tensor& field, double boundary_weight) {
  return {{1.0, segloss::Dice{.smooth = 1e-5}},
          {1.0, segloss::CrossEntropy{}},
          {boundary_weight, segloss::Boundary{}, {.field = view(field)}}};
}

// Both losses of the same logits; `outer` stands for the rest of the graph.
static void compare(const std::string& name, const torch::Tensor& values, const torch::Tensor& labels,
                    double tolerance, double outer = 1.0) {
  std::printf("%s\n", name.c_str());
  torch::Tensor field = boundary_field(labels, values.size(1), torch::kDouble);
  const auto precise = values.scalar_type() == torch::kDouble ? torch::kDouble : torch::kFloat;
  torch::Tensor ours = values.detach().clone().requires_grad_();  // clone keeps the memory format
  TORCH_CHECK(ours.strides() == values.strides());
  const torch::Tensor value = autograd_loss(ours, labels, make_loss(field, 0.1), {field}) * outer;
  const torch::Tensor theirs_field = field.to(precise, false, true);
  field.reset();  // the graph keeps it
  value.backward();
  TORCH_CHECK(ours.grad().strides() == ours.strides(), "the gradient was copied into another layout");

  torch::Tensor theirs = values.detach().to(precise).clone().requires_grad_();
  const torch::Tensor expected = torch_loss(theirs, labels, theirs_field, 0.1) * outer;
  expected.backward();
  close("value", value, expected, std::min(tolerance, 1e-5));
  close("gradient", ours.grad(), theirs.grad(), tolerance);
}

int main(int, char** arguments) {
  torch::manual_seed(1);
  const auto labels = torch::randint(0, 3, {2, 9, 11, 13}, torch::kUInt8);
  const auto logits = torch::randn({2, 3, 9, 11, 13}, torch::kDouble) * 2;
  compare("f64", logits, labels, 1e-12);
  compare("f64, channels last", logits.contiguous(torch::MemoryFormat::ChannelsLast3d), labels, 1e-12);
  compare("f64, labels i64 by strides", logits, labels.to(torch::kLong).transpose(1, 3).contiguous().transpose(1, 3),
          1e-12);
  for (const auto dtype : {torch::kChar, torch::kShort, torch::kInt, torch::kUInt16, torch::kUInt32, torch::kUInt64})
    compare(std::string("f64, labels ") + torch::toString(dtype), logits, labels.to(dtype), 1e-12);
  compare("f64, times 128", logits, labels, 1e-12, 128);
  compare("f64, two dimensions", logits.select(2, 4).contiguous(), labels.select(1, 4), 1e-12);
  compare("f32", logits.to(torch::kFloat), labels, 1e-5);
  // Gradients of f16 and bf16 are rounded: half a unit of 2^-10, of 2^-7.
  compare("f16", logits.to(torch::kHalf), labels, 4.9e-4);
  compare("bf16", logits.to(torch::kBFloat16), labels, 3.91e-3);

  const auto scan = read_nifti(arguments[1]).to(torch::kDouble) / 255;
  const auto tissue = read_nifti(arguments[2]);
  const auto bands = torch::arange(4, torch::kDouble).view({1, 4, 1, 1, 1});
  const auto answer = -(scan.unsqueeze(1) * 6 - bands * 1.5).square();  // logits from brightness
  compare("the scan, f64", answer, tissue, 1e-12);
  compare("the scan, f32", answer.to(torch::kFloat), tissue, 1e-5);

  std::puts("evaluation without a graph, a graph that is kept, and a graph of the gradient");
  {
    const torch::NoGradGuard none;
    const auto field = boundary_field(labels, 3, torch::kDouble);
    const torch::Tensor leaf = logits.clone().requires_grad_();
    TORCH_CHECK(!autograd_loss(leaf, labels, make_loss(field, 0.1), {field}).requires_grad());
  }
  {
    torch::Tensor twice = logits.clone().requires_grad_();
    const auto field = boundary_field(labels, 3, torch::kDouble);
    const auto value = autograd_loss(twice, labels, make_loss(field, 0.1), {field});
    value.backward({}, true);
    const torch::Tensor once = twice.grad().clone();
    value.backward();
    close("a second backward adds", twice.grad(), once * 2, 0);
  }
  std::puts("what is refused says why");
  try {
    const torch::Tensor leaf = logits.clone().requires_grad_();
    const auto value = autograd_loss(leaf, labels, {{1.0, segloss::Dice{}}});
    const auto gradient = torch::autograd::grad({value}, {leaf}, {}, true, true)[0];
    torch::autograd::grad({gradient.square().sum()}, {leaf});
    failures++;
  } catch (const c10::NotImplementedError& error) {
    std::printf("  %-34s %s\n", "a second derivative", error.what_without_backtrace());
  }
  for (const auto& [name, wrong] : {std::pair{"a label", labels + 5}, {"a shape", labels.slice(1, 0, 8)}}) {
    try {
      (void)autograd_loss(logits, wrong, {{1.0, segloss::Dice{}}});
      failures++;
    } catch (const segloss::Error& error) {
      std::printf("  %-34s %s\n", name, error.what());
    }
  }
  std::puts(failures == 0 ? "all hold" : "SOME FAIL");
  return failures != 0;
}
