// Trains segloss.pte in C++: train FOLDER, the folder of export.py.
//
// The outputs of a .pte of export.py are the loss, the gradients and the parameters. The parameters are the memory that
// the program computes with, so SGD on these outputs trains it. It is written here because the wheel of ExecuTorch has
// no header of its training extension.
#include <executorch/extension/module/module.h>
#include <executorch/extension/tensor/tensor.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

using executorch::aten::SizesType;
using executorch::aten::Tensor;
using executorch::extension::Module;
using executorch::runtime::EValue;

constexpr float rate = 0.07F, momentum = 0.9F;
constexpr std::size_t steps = 60;

static std::vector<EValue> call(Module& module, const std::string& method, const std::vector<EValue>& inputs = {}) {
  auto outputs = module.execute(method, inputs);
  if (!outputs.ok()) throw std::runtime_error(method + ": error " + std::to_string(static_cast<int>(outputs.error())));
  return outputs.get();
}

template <class T>
static std::vector<T> read(const std::string& path) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file) throw std::runtime_error(path + " cannot be read");
  std::vector<T> values(static_cast<std::size_t>(file.tellg()) / sizeof(T));
  file.seekg(0).read(reinterpret_cast<char*>(values.data()), static_cast<std::streamsize>(values.size() * sizeof(T)));
  return values;
}

// The shape of an input, as it was exported.
static std::vector<SizesType> shape_of(Module& module, std::size_t input) {
  const auto method = module.method_meta("forward");
  const auto sizes = method->input_tensor_meta(input)->sizes();
  return {sizes.begin(), sizes.end()};
}

static float largest_difference(const float* a, const float* b, std::size_t count) {
  float largest = 0;
  for (std::size_t i = 0; i < count; i++) largest = std::max(largest, std::abs(a[i] - b[i]));
  return largest;
}

int main(int, char** arguments) try {
  const std::string folder = std::string(arguments[1]) + "/";
  Module module(folder + "segloss.pte");
  auto images = read<float>(folder + "images");
  auto labels = read<uint8_t>(folder + "labels");
  const auto image_tensor = executorch::extension::from_blob(images.data(), shape_of(module, 0));
  const auto label_tensor =
      executorch::extension::from_blob(labels.data(), shape_of(module, 1), executorch::aten::ScalarType::Byte);

  const auto index = [&](const char* method) { return static_cast<std::size_t>(call(module, method)[0].toInt()); };
  const std::size_t first_gradient = index("__et_training_gradients_index_forward");
  const std::size_t first_parameter = index("__et_training_parameters_index_forward");
  const auto names = call(module, "__et_training_fqn_forward");
  const std::size_t parameters = first_parameter - first_gradient;

  std::vector<std::vector<float>> velocity(parameters);
  std::vector<float> losses;
  float error = 0;
  for (std::size_t step = 0; step < steps; step++) {
    const auto outputs = call(module, "forward", {image_tensor, label_tensor});
    losses.push_back(outputs[0].toTensor().const_data_ptr<float>()[0]);
    for (std::size_t k = 0; k < parameters; k++) {
      const Tensor& gradient = outputs[first_gradient + k].toTensor();
      const auto count = static_cast<std::size_t>(gradient.numel());
      const float* const slope = gradient.const_data_ptr<float>();
      float* const parameter = outputs[first_parameter + k].toTensor().mutable_data_ptr<float>();
      if (step == 0) {
        const auto expected = read<float>(folder + std::string(names[k].toString()));
        if (expected.size() != count) throw std::runtime_error("not the shape of the gradient of PyTorch");
        const std::vector<float> zeros(count);
        error = std::max(error, largest_difference(slope, expected.data(), count) /
                                    largest_difference(zeros.data(), expected.data(), count));
      }
      velocity[k].resize(count);
      for (std::size_t i = 0; i < count; i++) {
        velocity[k][i] = momentum * velocity[k][i] + slope[i];
        parameter[i] -= rate * velocity[k][i];
      }
    }
  }

  const float apart = largest_difference(losses.data(), read<float>(folder + "losses").data(), 10);
  std::printf("Module in C++, %zu parameters:\n", parameters);
  std::printf("  gradients of the parameters within %.1e of the largest entry of PyTorch's\n",
              static_cast<double>(error));
  std::printf("  loss %.4f to %.4f in %zu steps; the first ten within %.1e of PyTorch's\n",
              static_cast<double>(losses[0]), static_cast<double>(losses.back()), steps, static_cast<double>(apart));
  return parameters == 10 && error <= 1e-5F && apart <= 1e-4F && losses.back() < 0.25F * losses[0] ? 0 : 1;
} catch (const std::exception& problem) {
  std::fprintf(stderr, "%s\n", problem.what());
  return 1;
}
