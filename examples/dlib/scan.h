// The slices of a scan of examples/data as dlib reads images.
#pragma once

#include <dlib/matrix.h>

#include <cstring>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <vector>

// A decompressed NIfTI file of bytes: one matrix a slice, of even size, because the network halves it.
template <class T>
std::vector<dlib::matrix<T>> read_slices(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  const std::vector<char> bytes((std::istreambuf_iterator<char>(file)), {});
  if (bytes.size() <= 352) throw std::runtime_error(path + ": not a NIfTI file");
  int16_t axes[3];
  float offset = 0;
  std::memcpy(axes, &bytes[42], sizeof axes);
  std::memcpy(&offset, &bytes[108], sizeof offset);
  const auto columns = static_cast<std::size_t>(axes[0]), rows = static_cast<std::size_t>(axes[1]),
             slices = static_cast<std::size_t>(axes[2]), start = static_cast<std::size_t>(offset);
  if (bytes.size() < start + columns * rows * slices) throw std::runtime_error(path + ": too short");
  std::vector<dlib::matrix<T>> volume;
  for (std::size_t z = 0; z < slices; z++) {
    volume.emplace_back(static_cast<long>(rows / 2 * 2), static_cast<long>(columns / 2 * 2));
    for (long y = 0; y < volume.back().nr(); y++)
      for (long x = 0; x < volume.back().nc(); x++) {
        const std::size_t voxel = (z * rows + static_cast<std::size_t>(y)) * columns + static_cast<std::size_t>(x);
        volume.back()(y, x) = static_cast<T>(static_cast<unsigned char>(bytes[start + voxel]));
      }
  }
  return volume;
}
