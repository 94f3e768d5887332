// Trains a small U-Net on every second slice of the scan with dlib's dnn_trainer, Dice + cross entropy, and prints the
// overlap of each tissue on slices between: train T1 TISSUE, two decompressed NIfTI files.
#include <cstdio>
#include <vector>

#include "scan.h"
#include "segloss_dlib.h"

constexpr long classes = 4;
constexpr int steps = 150;
constexpr std::size_t first = 16, last = 64, minibatch = 4;

template <long channels, class SUBNET>
using block = dlib::relu<dlib::con<channels, 3, 3, 1, 1, SUBNET>>;
using fine = dlib::tag1<block<8, dlib::input<dlib::matrix<float>>>>;
using coarse = dlib::tag2<dlib::upsample<2, block<16, block<16, dlib::max_pool<2, 2, 2, 2, fine>>>>>;
using net_type = loss_segloss<dlib::con<classes, 1, 1, 1, 1, block<8, dlib::concat2<dlib::tag1, dlib::tag2, coarse>>>>;

static double overlap(const std::vector<dlib::matrix<uint16_t>>& predicted,
                      const std::vector<dlib::matrix<uint16_t>>& truth, uint16_t tissue) {
  double both = 0, all = 0;
  for (std::size_t k = 0; k < truth.size(); k++)
    for (long i = 0; i < truth[k].size(); i++) {
      const bool is_predicted = predicted[k](i) == tissue, is_true = truth[k](i) == tissue;
      both += is_predicted && is_true;
      all += is_predicted + is_true;
    }
  return 2 * both / all;
}

int main(int, char** arguments) {
  auto images = read_slices<float>(arguments[1]);
  const auto labels = read_slices<uint16_t>(arguments[2]);
  std::vector<dlib::matrix<float>> training, test;
  std::vector<dlib::matrix<uint16_t>> training_labels, test_labels;
  for (std::size_t z = first; z < last; z++) {
    images[z] /= 255;
    if (z % 2 == 0) training.push_back(images[z]), training_labels.push_back(labels[z]);
    if (z % 8 == 3) test.push_back(images[z]), test_labels.push_back(labels[z]);
  }

  net_type net(loss_segloss_({{1.0, segloss::Dice{}}, {1.0, segloss::CrossEntropy{}}}));
  dlib::dnn_trainer<net_type, dlib::adam> trainer(net, dlib::adam(0, 0.9F, 0.999F));
  trainer.set_learning_rate(0.01);
  double losses[2] = {0, 0};  // means of the first and the last ten steps
  for (int step = 0; step < steps; step++) {
    std::vector<dlib::matrix<float>> batch;
    std::vector<dlib::matrix<uint16_t>> batch_labels;
    for (std::size_t k = 0; k < minibatch; k++) {
      const std::size_t at = (static_cast<std::size_t>(step) * minibatch + k) * 7 % training.size();
      batch.push_back(training[at]), batch_labels.push_back(training_labels[at]);
    }
    trainer.train_one_step(batch, batch_labels);
    if (step < 10 || step >= steps - 10) {
      trainer.get_net();  // waits for the step
      losses[step >= 10] += net.compute_loss(batch.begin(), batch.end(), batch_labels.begin()) / 10;
    }
  }
  trainer.get_net();

  std::printf("loss of the first ten of %d steps %.4f, of the last ten %.4f\n", steps, losses[0], losses[1]);
  const auto predicted = net(test);
  double sum = 0;
  for (uint16_t tissue = 1; tissue < classes; tissue++) sum += overlap(predicted, test_labels, tissue);
  std::printf("mean overlap of the tissues on %zu other slices %.3f\n", test.size(), sum / (classes - 1));
  return losses[1] < 0.5 * losses[0] && sum / (classes - 1) > 0.75 ? 0 : 1;
}
