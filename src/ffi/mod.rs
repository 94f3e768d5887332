//! The C functions of `include/segloss.h`.
//!
//! Every function is written out, with a body of a line or two: the header is read in review like
//! source. Structs are copied in field by field up to the caller's size; pointers become slices and
//! views here, and everything after is the Rust that Rust callers get.

mod call;
pub mod codes;
pub mod distance;
pub mod losses;
mod terms;
mod overlap;
mod foreign_executor;
pub mod presets;
mod read;
pub mod structs;
#[cfg(segloss_test)]
mod testing;
pub mod functions;

#[cfg(all(feature = "panic-handler", not(feature = "std"), not(test)))]
mod panic {
    /// Nothing in the library panics; if it did, it would stop here rather than unwind into C.
    #[panic_handler]
    fn halt(_: &core::panic::PanicInfo<'_>) -> ! {
        #[cfg(segloss_prove_no_panic)]
        {
            unsafe extern "C" {
                fn segloss_has_a_reachable_panic() -> !;
            }
            // SAFETY: never linked: the symbol is undefined, and its name is the linker's message.
            unsafe { segloss_has_a_reachable_panic() }
        }
        #[cfg(segloss_test)]
        super::testing::abort();
        #[cfg(not(any(segloss_prove_no_panic, segloss_test)))]
        loop {
            core::hint::spin_loop();
        }
    }
}
