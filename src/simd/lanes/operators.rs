//! What the files of instruction sets have in common: operators of their types, and methods made of intrinsics.

/// Implements operators of a type.
///
/// `operators! { Zmm32: Add add(a, b) => …; Neg neg(a) => …; }`, where an expression may call the intrinsics of the
/// instruction set.
macro_rules! operators {
    ($type:ty: $($trait:ident $name:ident($a:ident $(, $b:ident)?) => $result:expr;)+) => {$(
        impl core::ops::$trait for $type {
            type Output = Self;

            #[inline(always)]
            fn $name(self $(, $b: Self)?) -> Self {
                let $a = self;
                // SAFETY: a value of this type exists only where the CPU has the instruction set.
                unsafe { $result }
            }
        }
    )+};
}

/// Methods of a token whose bodies may call the intrinsics of its instruction set.
macro_rules! safe_methods {
    ($(fn $name:ident($self:ident $(, $argument:ident: $type:ty)*) -> $output:ty { $($body:tt)* })+) => {$(
        #[inline(always)]
        #[allow(unused_unsafe, reason = "some bodies call no intrinsic")]
        fn $name($self $(, $argument: $type)*) -> $output {
            // SAFETY: the token exists only where the CPU has the instruction set.
            unsafe { $($body)* }
        }
    )+};
}

/// The same for methods that access memory.
macro_rules! memory_methods {
    ($(fn $name:ident($self:ident $(, $argument:ident: $type:ty)*) $(-> $output:ty)? { $($body:tt)* })+) => {$(
        #[inline(always)]
        unsafe fn $name($self $(, $argument: $type)*) $(-> $output)? {
            // SAFETY: the token exists only where the CPU has the instruction set; the accesses are those that the
            // trait's documentation names, for which the caller promises memory.
            unsafe { $($body)* }
        }
    )+};
}

pub(super) use {memory_methods, operators, safe_methods};
