// A failed call: the exception segloss::Error, or segloss::Result.
//
// SPDX-License-Identifier: MIT OR Apache-2.0

#ifndef SEGLOSS_ERROR_HPP
#define SEGLOSS_ERROR_HPP

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <exception>

#include "modes.hpp"

namespace segloss {
inline namespace SEGLOSS_MODE {

namespace detail {

// An error without numbers, and one with a given and a needed length.
inline segloss_error error_of(segloss_status status, const char* argument, const char* expected) noexcept {
  segloss_error error{};
  error.status = status;
  error.term = UINT32_MAX;
  error.index = -1;
  error.argument = argument;
  error.expected = expected;
  return error;
}
inline segloss_error error_of(segloss_status status, const char* argument, const char* expected, std::size_t given,
                              std::size_t needed) noexcept {
  segloss_error error = error_of(status, argument, expected);
  error.given = static_cast<double>(given);
  error.needed = static_cast<double>(needed);
  error.numbers = SEGLOSS_ERROR_HAS_GIVEN | SEGLOSS_ERROR_HAS_NEEDED;
  return error;
}

}  // namespace detail

// Why a call failed: which argument, where, and which value was expected. No output was written.
//
//   term 1: invalid alpha: -0.5 (expected finite and >= 0)
class Error : public std::exception {
 public:
  segloss_error error;

  explicit Error(const segloss_error& of) noexcept : error(of) {
    char term[32] = "", index[40] = "", given[32] = "", needed[32] = "";
    if (of.term != UINT32_MAX) std::snprintf(term, sizeof term, "term %u: ", static_cast<unsigned>(of.term));
    if (of.index >= 0) std::snprintf(index, sizeof index, " at index %lld", static_cast<long long>(of.index));
    if ((of.numbers & SEGLOSS_ERROR_HAS_GIVEN) != 0) std::snprintf(given, sizeof given, ": %.16g", of.given);
    if ((of.numbers & SEGLOSS_ERROR_HAS_NEEDED) != 0) std::snprintf(needed, sizeof needed, "%.16g, ", of.needed);
    // "invalid" says what the text of SEGLOSS_PARAMETER would.
    const bool names_status = of.status != SEGLOSS_PARAMETER;
    const auto text = [](const char* string) { return string == nullptr ? "?" : string; };
    std::snprintf(text_, sizeof text_, "%sinvalid %s%s%s%s%s (expected %s%s)", term, text(of.argument), index,
                  names_status ? ": " : "", names_status ? segloss_status_string(of.status) : "", given, needed,
                  text(of.expected));
  }
  const char* what() const noexcept override { return text_; }

 private:
  char text_[320];
};

#if SEGLOSS_EXCEPTIONS

template <class T>
using Result = T;

namespace detail {
inline void give(const segloss_error& error) {
  if (error.status != SEGLOSS_OK) throw Error(error);
}
template <class T>
T give(const segloss_error& error, T value) {
  give(error);
  return value;
}
}  // namespace detail

#else

// The value of a call, or its error. *result may be read only if the result converts to true.
template <class T>
class [[nodiscard]] Result {
 public:
  Result(const segloss_error& error, T value) noexcept : error_(error), value_(value) {}
  explicit operator bool() const noexcept { return error_.status == SEGLOSS_OK; }
  const T& operator*() const noexcept { return value_; }
  const segloss_error& raw() const noexcept { return error_; }
  Error error() const noexcept { return Error(error_); }

 private:
  segloss_error error_;
  T value_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  explicit Result(const segloss_error& error) noexcept : error_(error) {}
  explicit operator bool() const noexcept { return error_.status == SEGLOSS_OK; }
  const segloss_error& raw() const noexcept { return error_; }
  Error error() const noexcept { return Error(error_); }

 private:
  segloss_error error_;
};

namespace detail {
inline Result<void> give(const segloss_error& error) { return Result<void>(error); }
template <class T>
Result<T> give(const segloss_error& error, T value) {
  return {error, value};
}
}  // namespace detail

#endif

}  // inline namespace SEGLOSS_MODE
}  // namespace segloss

#endif  // SEGLOSS_ERROR_HPP
