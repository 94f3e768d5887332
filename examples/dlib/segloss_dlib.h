// segloss as a loss layer of dlib: any sum of terms, on the labels of dlib's loss_multiclass_log_per_pixel.
//
//   using net_type = loss_segloss<dlib::con<4, 1, 1, 1, 1, dlib::relu<...>>>;
//   net_type net(loss_segloss_({{1.0, segloss::Dice{}}, {1.0, segloss::CrossEntropy{}}}));
//
// The output of the network holds logits, one channel for each class. A pixel with the label 65535 is not counted.
// Logits and labels are read, and the gradient is written, where dlib keeps them.
//
// The loss of a minibatch is the mean over its images. With SampleAverage::pooled in a term, the minibatch is one batch
// instead: its sums run over all images ("batch Dice"), and losses that need the whole batch in one call (TopK by
// fraction, distances) throw a segloss::Error.
#pragma once

#include <dlib/dnn.h>

#include <vector>

#include "segloss.hpp"

class loss_segloss_ {
 public:
  using training_label_type = dlib::matrix<uint16_t>;
  using output_label_type = dlib::matrix<uint16_t>;

  loss_segloss_() : loss_segloss_({{1.0, segloss::Dice{}}, {1.0, segloss::CrossEntropy{}}}) {}
  explicit loss_segloss_(const segloss::WeightedSum& loss) : loss_(loss) {}

  // The class with the largest logit.
  template <class SUBNET, class Labels>
  void to_label(const dlib::tensor& input, const SUBNET& sub, Labels labels) const {
    dlib::loss_multiclass_log_per_pixel_::to_label(input, sub, labels);
  }

  template <class Labels, class SUBNET>
  double compute_loss_value_and_gradient(const dlib::tensor&, Labels truth, SUBNET& sub) const {
    const dlib::tensor& logits = sub.get_output();
    float* const gradient = sub.get_gradient_input().host_write_only();
    const auto images = static_cast<std::size_t>(logits.num_samples());
    std::vector<segloss::Batch> batches;
    std::vector<segloss::Outputs> outputs(images);
    for (std::size_t k = 0; k < images; k++) {
      batches.push_back(image(logits, truth[static_cast<std::ptrdiff_t>(k)], k));
      outputs[k].grad = gradient + k * logits.size() / images;
    }
    return is_pooled() ? pooled(logits, batches, outputs) : mean(batches, outputs);
  }

  friend void serialize(const loss_segloss_&, std::ostream& out) { dlib::serialize(std::string("loss_segloss_"), out); }
  // A file does not hold the terms: those of the object stay.
  friend void deserialize(loss_segloss_&, std::istream& in) {
    std::string name;
    dlib::deserialize(name, in);
    if (name != "loss_segloss_") throw dlib::serialization_error("loss_segloss_ expected, the file has " + name);
  }
  friend std::ostream& operator<<(std::ostream& out, const loss_segloss_&) { return out << "loss_segloss"; }
  friend void to_xml(const loss_segloss_&, std::ostream& out) { out << "<loss_segloss/>\n"; }

 private:
  segloss::WeightedSum loss_;
  mutable std::vector<std::byte> scratch_;  // kept for the next minibatch

  static constexpr int64_t ignored_[] = {dlib::loss_multiclass_log_per_pixel_::label_to_ignore};

  static segloss::Batch image(const dlib::tensor& logits, const training_label_type& labels, std::size_t index) {
    segloss::Batch batch;
    batch.activation = segloss::Activation::softmax;
    batch.pred = {logits.host() + index * logits.size() / static_cast<std::size_t>(logits.num_samples()),
                  {1, logits.k(), logits.nr(), logits.nc()}};
    batch.target = {labels.begin(), {1, labels.nr(), labels.nc()}};
    batch.ignore = ignored_;
    return batch;
  }

  bool is_pooled() const {
    bool is_pooled = false;
    for (std::size_t k = 0; k < loss_.size(); k++)
      is_pooled |= loss_[k].options.sample_average == segloss::SampleAverage::pooled;
    return is_pooled;
  }

  segloss::span<std::byte> scratch(const segloss::Batch& batch) const {
    const std::size_t bytes = loss_.scratch_size(batch);
    if (scratch_.size() < bytes) scratch_.resize(bytes);
    return scratch_;
  }

  double mean(const std::vector<segloss::Batch>& batches, std::vector<segloss::Outputs>& outputs) const {
    double sum = 0;
    for (std::size_t k = 0; k < batches.size(); k++) {
      outputs[k].grad_scale = 1.0 / static_cast<double>(batches.size());
      sum += loss_.run(batches[k], outputs[k], scratch(batches[k]));
    }
    return sum / static_cast<double>(batches.size());
  }

  double pooled(const dlib::tensor& logits, const std::vector<segloss::Batch>& batches,
                const std::vector<segloss::Outputs>& outputs) const {
    const auto classes = static_cast<std::size_t>(logits.k());
    std::vector<segloss::ClassSums> sums(batches.size() * classes), slopes(sums.size());
    for (std::size_t k = 0; k < batches.size(); k++)
      loss_.accumulate(batches[k], {&sums[k * classes], classes}, scratch(batches[k]));
    segloss::Batch whole = batches[0];  // its shape alone is read
    whole.pred = {logits.host(), {logits.num_samples(), logits.k(), logits.nr(), logits.nc()}};
    whole.target.shape = {logits.num_samples(), logits.nr(), logits.nc()};
    const double value = loss_.finalize(whole, sums, slopes, {}, scratch(whole));
    for (std::size_t k = 0; k < batches.size(); k++)
      loss_.backward(batches[k], {&slopes[k * classes], classes}, outputs[k], scratch(batches[k]));
    return value;
  }
};

template <class SUBNET>
using loss_segloss = dlib::add_loss_layer<loss_segloss_, SUBNET>;
