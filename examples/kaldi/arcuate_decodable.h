/* An Arcuate network as a Kaldi acoustic model: a DecodableInterface over the C API.
 *
 * It accepts features in chunks of any size. Log-likelihoods are available as soon as the frames
 * they depend on have been accepted; Latency() is the number of frames they lag behind.
 *
 *     ArcuateDecodable decodable(model, plan, options);
 *     decodable.AcceptFrames(features, rows);   // repeated
 *     decoder.AdvanceDecoding(&decodable);      // after each chunk
 *     decodable.InputFinished();
 *     decoder.AdvanceDecoding(&decodable);
 *
 * An object is one utterance of one stream, used by one thread at a time; any number of them share
 * a plan. Outputs do not depend on the chunks. C++11.
 */
#ifndef ARCUATE_DECODABLE_H_
#define ARCUATE_DECODABLE_H_

#include <arcuate.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "itf/decodable-itf.h"

struct ArcuateDecodableOptions {
  /* Factor of the log-likelihoods. */
  float acoustic_scale = 0.1f;
  /* Apply log-softmax to the outputs; false for a network that ends with one. */
  bool log_softmax = true;
  /* Prior of each output, as a count or a fraction, whose logarithm is subtracted; empty for none.
   */
  std::vector<float> priors;
  /* The output of each index, counted from 1, such as the pdf of each transition-id; empty if index
   * i is output i - 1. */
  std::vector<kaldi::int32> outputs;
  /* Use every n-th output; 0: as the model states. */
  kaldi::int32 subsampling = 0;
};

class ArcuateDecodable : public kaldi::DecodableInterface {
 public:
  typedef kaldi::int32 int32;

  /* The model's metadata states how its plan is fed. The plan has one stream, one input and at
   * least one output, of which the first is used. Throws std::invalid_argument, std::runtime_error.
   */
  ArcuateDecodable(const arcuate_model *model, const arcuate_plan *plan,
                   const ArcuateDecodableOptions &options)
      : options_(options),
        left_(Metadata(model, "left_context", 0)),
        latency_(Metadata(model, "latency", 0)),
        splice_left_(Metadata(model, "splice_left", 0)),
        splice_right_(Metadata(model, "splice_right", 0)),
        subsampling_(options.subsampling > 0 ? options.subsampling
                                             : Metadata(model, "subsampling", 1)),
        input_(arcuate_plan_input_size(plan, 0)),
        columns_(arcuate_plan_output_size(plan, 0)) {
    if (arcuate_plan_batch(plan) != 1 || arcuate_plan_input_count(plan) != 1 || columns_ == 0) {
      throw std::invalid_argument("the plan needs one stream, one input and an output");
    }
    if (left_ < 0 || latency_ < 0 || splice_left_ < 0 || splice_right_ < 0 || subsampling_ < 1) {
      throw std::invalid_argument("the context in the metadata of the model is invalid");
    }
    const size_t window = static_cast<size_t>(splice_left_) + 1 + splice_right_;
    if (input_ == 0 || input_ % window != 0) {
      throw std::invalid_argument(
          "the input size is not a multiple of the number of spliced frames");
    }
    features_ = input_ / window;
    if (!options_.priors.empty()) TakePriors();
    for (size_t i = 0; i < options_.outputs.size(); i++) {
      if (options_.outputs[i] < 0 || static_cast<size_t>(options_.outputs[i]) >= columns_) {
        throw std::invalid_argument("index " + std::to_string(i + 1) + " has output " +
                                    std::to_string(options_.outputs[i]) + " of " +
                                    std::to_string(columns_));
      }
    }
    arcuate_error *error = nullptr;
    if (arcuate_session_create(plan, &session_, &error)) {
      std::string message = error ? arcuate_error_message(error) : "no session";
      arcuate_error_free(error);
      throw std::runtime_error(message);
    }
    other_outputs_ = arcuate_plan_output_count(plan) - 1;
  }

  ~ArcuateDecodable() override { arcuate_session_free(session_); }
  ArcuateDecodable(const ArcuateDecodable &) = delete;
  ArcuateDecodable &operator=(const ArcuateDecodable &) = delete;

  /* Features per frame. */
  int32 FeatureDim() const { return static_cast<int32>(features_); }

  /* Frames that must follow a frame before its output is available. */
  int32 Latency() const { return latency_ + splice_right_; }

  /* Frames from one output to the next. */
  int32 Subsampling() const { return subsampling_; }

  /* Accepts `rows` frames of FeatureDim() numbers and computes the outputs they complete.
   * Throws std::runtime_error, for example for a number that is not finite. */
  void AcceptFrames(const float *frames, int32 rows) {
    if (finished_) throw std::runtime_error("frames after the end of the input");
    if (rows <= 0) return;
    if (accepted_ == 0) {
      for (int32 i = 0; i < splice_left_; i++)
        history_.insert(history_.end(), frames, frames + features_);
      first_ = true;
    }
    history_.insert(history_.end(), frames, frames + static_cast<size_t>(rows) * features_);
    accepted_ += rows;
    Run();
  }

  /* Ends the utterance: the last frame is repeated in place of later ones. */
  void InputFinished() {
    if (finished_) return;
    finished_ = true;
    if (accepted_ == 0) return;
    const std::vector<float> last(history_.end() - static_cast<std::ptrdiff_t>(features_),
                                  history_.end());
    for (int32 i = 0; i < splice_right_; i++)
      history_.insert(history_.end(), last.begin(), last.end());
    Run();
    Feed(std::vector<float>(last_input_), latency_);
  }

  int32 NumFramesReady() const override {
    return static_cast<int32>(likelihoods_.size() / columns_);
  }

  bool IsLastFrame(int32 frame) const override {
    const int32 ready = NumFramesReady();
    if (frame >= ready && !(finished_ && frame == -1 && ready == 0)) {
      if (frame > ready || finished_) throw std::out_of_range("frame " + std::to_string(frame));
      return false;
    }
    return finished_ && frame == ready - 1;
  }

  float LogLikelihood(int32 frame, int32 index) override {
    if (frame < 0 || frame >= NumFramesReady() || index < 1 || index > NumIndices()) {
      throw std::out_of_range("frame " + std::to_string(frame) + ", index " +
                              std::to_string(index));
    }
    const size_t column =
        options_.outputs.empty() ? index - 1 : options_.outputs[static_cast<size_t>(index) - 1];
    return likelihoods_[static_cast<size_t>(frame) * columns_ + column];
  }

  int32 NumIndices() const override {
    return static_cast<int32>(options_.outputs.empty() ? columns_ : options_.outputs.size());
  }

 private:
  static int32 Metadata(const arcuate_model *model, const char *name, int32 otherwise) {
    const double value = arcuate_model_metadata_number(model, name, otherwise);
    return value == std::floor(value) && std::fabs(value) <= 1e6 ? static_cast<int32>(value) : -1;
  }

  /* As in Kaldi, an output with a prior near zero is never chosen. */
  void TakePriors() {
    if (options_.priors.size() != columns_) {
      throw std::invalid_argument(std::to_string(options_.priors.size()) + " priors for " +
                                  std::to_string(columns_) + " outputs");
    }
    double sum = 0;
    for (float prior : options_.priors) {
      if (!(prior >= 0) || !std::isfinite(prior))
        throw std::invalid_argument("a prior is not a count");
      sum += prior;
    }
    if (!(sum > 0)) throw std::invalid_argument("all priors are zero");
    for (float prior : options_.priors) {
      const double share = prior / sum;
      log_priors_.push_back(share > 1e-10 ? std::log(share)
                                          : std::sqrt(std::numeric_limits<float>::max()));
    }
  }

  /* Runs the network on all complete windows; the first one is repeated left_context times. */
  void Run() {
    const size_t window = input_ / features_;
    size_t count = history_.size() / features_;
    if (count < window) return;
    count -= window - 1;
    std::vector<float> inputs;
    inputs.reserve(count * input_);
    for (size_t i = 0; i < count; i++) {
      const auto start = history_.begin() + static_cast<std::ptrdiff_t>(i * features_);
      inputs.insert(inputs.end(), start, start + static_cast<std::ptrdiff_t>(input_));
    }
    history_.erase(history_.begin(),
                   history_.begin() + static_cast<std::ptrdiff_t>(count * features_));
    if (first_)
      Feed(std::vector<float>(inputs.begin(), inputs.begin() + static_cast<std::ptrdiff_t>(input_)),
           left_);
    first_ = false;
    last_input_.assign(inputs.end() - static_cast<std::ptrdiff_t>(input_), inputs.end());
    RunFrames(inputs, count);
  }

  void Feed(const std::vector<float> &input, int32 times) {
    std::vector<float> inputs;
    inputs.reserve(input.size() * static_cast<size_t>(times));
    for (int32 i = 0; i < times; i++) inputs.insert(inputs.end(), input.begin(), input.end());
    if (times > 0) RunFrames(inputs, static_cast<size_t>(times));
  }

  void RunFrames(const std::vector<float> &inputs, size_t count) {
    std::vector<float> outputs(count * columns_);
    const float *input = inputs.data();
    const size_t input_count = inputs.size();
    std::vector<float *> arrays(other_outputs_ + 1, nullptr);
    std::vector<size_t> counts(other_outputs_ + 1, 0);
    arrays[0] = outputs.data();
    counts[0] = outputs.size();
    if (arcuate_session_run(session_, count, &input, &input_count, arrays.data(), counts.data())) {
      throw std::runtime_error(arcuate_session_last_error(session_));
    }
    for (size_t i = 0; i < count; i++) {
      const long long frame = given_++ - left_ - latency_;
      if (frame >= 0 && frame % subsampling_ == 0) Append(outputs.data() + i * columns_);
    }
  }

  void Append(const float *row) {
    double shift = 0;
    if (options_.log_softmax) {
      const double most = *std::max_element(row, row + columns_);
      double sum = 0;
      for (size_t c = 0; c < columns_; c++) sum += std::exp(row[c] - most);
      shift = most + std::log(sum);
    }
    for (size_t c = 0; c < columns_; c++) {
      const double prior = log_priors_.empty() ? 0 : log_priors_[c];
      likelihoods_.push_back(
          static_cast<float>(options_.acoustic_scale * (row[c] - shift - prior)));
    }
  }

  ArcuateDecodableOptions options_;
  int32 left_, latency_, splice_left_, splice_right_, subsampling_;
  size_t input_, columns_;
  size_t features_ = 0, other_outputs_ = 0;
  arcuate_session *session_ = nullptr;
  std::vector<double> log_priors_;
  /* Frames that later windows need, and the last window. */
  std::vector<float> history_, last_input_;
  std::vector<float> likelihoods_;
  long long accepted_ = 0, given_ = 0;
  bool first_ = false, finished_ = false;
};

#endif
