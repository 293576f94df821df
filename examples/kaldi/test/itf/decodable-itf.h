/* Stands in for Kaldi's header of this name where Kaldi is not installed: the same interface. */
#ifndef KALDI_ITF_DECODABLE_ITF_H_
#define KALDI_ITF_DECODABLE_ITF_H_

#include <cstdint>

namespace kaldi {

typedef std::int32_t int32;
typedef float BaseFloat;

class DecodableInterface {
 public:
  virtual BaseFloat LogLikelihood(int32 frame, int32 index) = 0;
  virtual bool IsLastFrame(int32 frame) const = 0;
  virtual int32 NumFramesReady() const { return -1; }
  virtual int32 NumIndices() const = 0;
  virtual ~DecodableInterface() {}
};

}  // namespace kaldi

#endif
