// The scan and the tissues of examples/data as tensors.
#pragma once

#include <torch/torch.h>

#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

// A decompressed NIfTI file of bytes: [1, slices, rows, columns].
inline torch::Tensor read_nifti(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  const std::vector<char> bytes((std::istreambuf_iterator<char>(file)), {});
  TORCH_CHECK(bytes.size() > 352, path, ": not a NIfTI file");
  const auto at = [&](std::size_t offset, auto value) {
    std::memcpy(&value, bytes.data() + offset, sizeof value);
    return value;
  };
  constexpr int16_t uint8 = 2;
  TORCH_CHECK(at(70, int16_t{}) == uint8, path, ": not of unsigned bytes");
  // The first axis is the fastest: in C order the axes are reversed.
  const int64_t x = at(42, int16_t{}), y = at(44, int16_t{}), z = at(46, int16_t{});
  const auto offset = static_cast<std::size_t>(at(108, float{}));
  TORCH_CHECK(bytes.size() >= offset + static_cast<std::size_t>(x * y * z), path, ": too short");
  torch::Tensor volume = torch::empty({1, z, y, x}, torch::kUInt8);
  std::memcpy(volume.data_ptr(), bytes.data() + offset, static_cast<std::size_t>(x * y * z));
  return volume;
}
