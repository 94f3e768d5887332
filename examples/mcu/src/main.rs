//! Fine-tuning on a Cortex-M4F: the same as `finetune slice`, in static buffers. Prints by semihosting; the exit status
//! says whether the Dice of every tissue gained enough.
#![no_std]
#![no_main]

#[path = "../../finetune/lesson.rs"]
mod lesson;
#[path = "../../finetune/network.rs"]
mod network;
#[path = "../../finetune/pretrained.rs"]
mod pretrained;
#[path = "../../finetune/slices.rs"]
mod slices;
#[path = "../../finetune/tune.rs"]
mod tune;

use core::fmt::Write;
use cortex_m_semihosting::debug::{EXIT_FAILURE, EXIT_SUCCESS, exit};
use cortex_m_semihosting::hio::hstdout;
use network::{CLASSES, Network};
use slices::Slices;
use tune::Tuner;

const ROWS: usize = 95;
const COLUMNS: usize = 77;
const VOXELS: usize = ROWS * COLUMNS;
const SCRATCH: usize = segloss::static_scratch_len(1, CLASSES);

/// Bytes in flash, whose length the compiler checks.
macro_rules! flash {
    ($name:literal) => {{
        static BYTES: &[u8; VOXELS] = include_bytes!(concat!(env!("OUT_DIR"), "/", $name));
        BYTES
    }};
}

#[cortex_m_rt::entry]
fn main() -> ! {
    // The `entry` attribute gives exclusive references to these statics.
    static mut LOGITS: [f32; CLASSES * VOXELS] = [0.0; CLASSES * VOXELS];
    static mut SCRATCH_BYTES: [u8; SCRATCH] = [0; SCRATCH];
    let extents = [1, ROWS, COLUMNS];
    let tuned = Slices { image: flash!("tuned.image"), labels: flash!("tuned.labels"), extents };
    let held_out = Slices { image: flash!("held_out.image"), labels: flash!("held_out.labels"), extents };

    let mut tuner = Tuner::new(Network::new(&pretrained::WEIGHTS), LOGITS, SCRATCH_BYTES);
    let taught = hstdout()
        .map_err(|()| core::fmt::Error)
        .and_then(|mut out| lesson::teach(&mut tuner, [&tuned, &held_out], lesson::EPOCHS, &mut out));
    loop {
        exit(if taught.is_ok() { EXIT_SUCCESS } else { EXIT_FAILURE });
    }
}

#[panic_handler]
fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
    // Without a debugger attached, the exit status still shows the failure.
    let _ = hstdout().map(|mut out| writeln!(out, "{info}"));
    loop {
        exit(EXIT_FAILURE);
    }
}
