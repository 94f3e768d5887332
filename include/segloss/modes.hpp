// Translation units of one program may differ in two switches: how failures are reported, and whether std::span exists.
// Each combination has an inline namespace, so that all of them link into one program.
//
// SPDX-License-Identifier: MIT OR Apache-2.0

#ifndef SEGLOSS_MODES_HPP
#define SEGLOSS_MODES_HPP

#include "../segloss.h"

#if __has_include(<version>)
#include <version>
#endif

// Failures: 1 throws segloss::Error, 0 returns segloss::Result. Default: 1 unless exceptions are switched off.
#ifndef SEGLOSS_EXCEPTIONS
#ifdef __cpp_exceptions
#define SEGLOSS_EXCEPTIONS 1
#else
#define SEGLOSS_EXCEPTIONS 0
#endif
#endif

// Ranges: std::span where the standard library has it, else segloss::span.
#ifdef __cpp_lib_span
#include <span>
#endif

#if SEGLOSS_EXCEPTIONS && defined(__cpp_lib_span)
#define SEGLOSS_MODE throws_std_span
#elif SEGLOSS_EXCEPTIONS
#define SEGLOSS_MODE throws_own_span
#elif defined(__cpp_lib_span)
#define SEGLOSS_MODE returns_std_span
#else
#define SEGLOSS_MODE returns_own_span
#endif

#endif  // SEGLOSS_MODES_HPP
