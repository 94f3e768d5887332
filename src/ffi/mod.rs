//! The C functions of `include/segloss.h`.
//!
//! cbindgen generates the header from the items and doc comments of this module, so every signature is written out
//! and comments are ASCII. A call copies the caller's structs up to the caller's size, turns pointers into slices
//! and views, and passes them to the same functions that Rust callers use.

mod call;
pub mod codes;
pub mod distance_functions;
mod foreign_executor;
pub mod functions;
pub mod lists;
pub mod losses;
mod overlap;
pub mod part_functions;
pub mod preset_functions;
mod read;
pub mod structs;
mod terms;
#[cfg(segloss_test)]
mod test_support;

#[cfg(all(feature = "panic-handler", not(feature = "std"), not(test)))]
mod panic {
    /// The library has no reachable panic, which `.ci/no-panic` proves at link time. A panic would end here,
    /// because unwinding into C is undefined behaviour.
    #[panic_handler]
    fn halt(_: &core::panic::PanicInfo<'_>) -> ! {
        #[cfg(segloss_prove_no_panic)]
        {
            unsafe extern "C" {
                fn segloss_has_a_reachable_panic() -> !;
            }
            // SAFETY: never called: the symbol is undefined, so a program with a reachable panic does not link.
            unsafe { segloss_has_a_reachable_panic() }
        }
        #[cfg(segloss_test)]
        super::test_support::abort();
        #[cfg(not(any(segloss_prove_no_panic, segloss_test)))]
        loop {
            core::hint::spin_loop();
        }
    }
}
