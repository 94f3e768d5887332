//! Fine-tuning on a device: a two-layer network trained on one scanner is tuned with Dice + cross entropy on the same
//! head from another scanner. `../mcu` does the same as `slice` on a Cortex-M4F.
//!
//! ```text
//! finetune             twenty slices, tested on twenty others
//! finetune slice       one slice, tested on another: the output equals that of the microcontroller
//! finetune pretrain    trains on the first scanner and prints pretrained.rs
//! ```

mod lesson;
mod network;
mod pretrained;
mod scan;
mod slices;
mod tune;

use network::{CLASSES, Network, PARAMETERS};
use scan::Scan;
use slices::Slices;
use std::path::Path;
use tune::Tuner;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> Result<()> {
    let scan = Scan::open(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/data")))?;
    let network = Network::new(&pretrained::WEIGHTS);
    match std::env::args().nth(1).as_deref() {
        None => {
            tune(network, &scan.faded().slices(|z| z % 4 == 0), &scan.faded().slices(|z| z % 4 == 2), 100)
        }
        Some("slice") => {
            let [tuned, held_out] = scan.faded().two_slices();
            tune(network, &tuned, &held_out, lesson::EPOCHS)
        }
        Some("pretrain") => pretrain(&scan.slices(|z| z % 4 == 0)),
        Some(_) => Err("usage: finetune [slice | pretrain]".into()),
    }
}

fn tune(network: Network, tuned: &Scan, held_out: &Scan, epochs: usize) -> Result<()> {
    let [tuned, held_out] = [tuned, held_out].map(view);
    let mut logits = vec![0.0; CLASSES * tuned.image.len().max(held_out.image.len())];
    let slices = tuned.extents[0].max(held_out.extents[0]);
    let mut scratch = vec![0; segloss::static_scratch_len(slices, CLASSES)];
    let mut tuner = Tuner::new(network, &mut logits, &mut scratch);
    check_gradient(&mut tuner, &tuned)?;
    let mut said = String::new();
    let result = lesson::teach(&mut tuner, [&tuned, &held_out], epochs, &mut said);
    print!("{said}");
    Ok(result?)
}

/// Checks the hand-written backward pass and the loss against finite differences.
fn check_gradient(tuner: &mut Tuner<'_>, slices: &Slices<'_>) -> Result<()> {
    let here = tuner.network;
    let gradient: Vec<f32> = tuner.gradient(slices)?.1.weights().copied().collect();
    let largest = gradient.iter().fold(0.0, |max: f32, slope| max.max(slope.abs()));
    // The logits are f32: a smaller step would be below their rounding.
    let (step, mut error) = (2e-3, 0.0f64);
    for weight in (0..PARAMETERS).step_by(7) {
        let mut loss = |by: f32| -> Result<f64> {
            let mut weights: Vec<f32> = here.weights().copied().collect();
            weights[weight] += by;
            tuner.network = Network::new(weights.as_slice().try_into()?);
            Ok(tuner.gradient(slices)?.0)
        };
        let difference = (loss(step)? - loss(-step)?) / f64::from(2.0 * step);
        error = error.max((difference - f64::from(gradient[weight])).abs() / f64::from(largest));
    }
    tuner.network = here;
    eprintln!("error of the gradient against differences: {error:.0e} of its largest entry");
    if error < 1e-3 { Ok(()) } else { Err("the backward pass is wrong".into()) }
}

fn pretrain(scan: &Scan) -> Result<()> {
    // Weights in [-1/2, 1/2) from a linear congruential generator.
    let mut state = 1u32;
    let weights: [f32; PARAMETERS] = std::array::from_fn(|_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 24) as f32 - 0.5
    });
    let mut logits = vec![0.0; CLASSES * scan.image.len()];
    let mut scratch = vec![0; segloss::static_scratch_len(scan.extents[0], CLASSES)];
    let mut tuner = Tuner::new(Network::new(&weights), &mut logits, &mut scratch);
    for _ in 0..400 {
        tuner.epoch(&view(scan))?;
    }
    println!(
        "//! Weights that have learned on the scan as it is. Made by `cargo run --release --example finetune pretrain`."
    );
    println!("\nuse super::network::PARAMETERS;\n\n/// In the order of `Network::weights`.");
    println!("#[rustfmt::skip]\npub const WEIGHTS: [f32; PARAMETERS] = [");
    let weights: Vec<f32> = tuner.network.weights().copied().collect();
    for line in weights.chunks(8) {
        println!("    {},", line.iter().map(|weight| format!("{weight:?}")).collect::<Vec<_>>().join(", "));
    }
    println!("];");
    Ok(())
}

fn view(scan: &Scan) -> Slices<'_> {
    Slices { image: &scan.image, labels: &scan.labels, extents: scan.extents }
}
