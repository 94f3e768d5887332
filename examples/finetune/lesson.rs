//! Fine-tunes on some slices and prints the Dice of each tissue before and after, on these and on held-out slices.

use super::network::{CLASSES, Network};
use super::slices::Slices;
use super::tune::Tuner;
use core::fmt::{Error, Write};

/// Enough epochs for one slice.
pub const EPOCHS: usize = 100;
/// The minimum gain in Dice of each tissue on held-out slices.
const MARGIN: f32 = 0.25;
const OUTSIDE: usize = 0;

/// Tunes for `epochs` epochs and writes the results.
///
/// # Errors
/// A loss that could not be computed, or a tissue whose Dice gained too little.
pub fn teach(
    tuner: &mut Tuner<'_>,
    [tuned, held_out]: [&Slices<'_>; 2],
    epochs: usize,
    out: &mut impl Write,
) -> Result<(), Error> {
    writeln!(out, "Dice             outside  fluid   grey  white")?;
    let before = tell(tuner, [tuned, held_out], "before", out)?;
    for epoch in 0..epochs {
        let loss = tuner.epoch(tuned).or_else(|error| {
            writeln!(out, "{error}")?;
            Err(Error)
        })?;
        if epoch % 20 == 0 {
            writeln!(out, "epoch {epoch:>3}   loss {loss:.6}")?;
        }
    }
    let after = tell(tuner, [tuned, held_out], "after", out)?;
    writeln!(out, "weights {:016x}", digest(&tuner.network))?;
    let has_gained = |class: usize| class == OUTSIDE || after[class] > before[class] + MARGIN;
    if (0..CLASSES).all(has_gained) {
        return Ok(());
    }
    writeln!(out, "some tissue gained less than {MARGIN}")?;
    Err(Error)
}

/// Writes the Dice of both sets and returns that of the held-out slices.
fn tell(
    tuner: &mut Tuner<'_>,
    slices: [&Slices<'_>; 2],
    when: &str,
    out: &mut impl Write,
) -> Result<[f32; CLASSES], Error> {
    let both = slices.map(|slices| tuner.dice(slices));
    for (dice, name) in both.iter().zip(["tuned", "held out"]) {
        write!(out, "{when:<6}  {name:<8} ")?;
        dice.iter().try_for_each(|dice| write!(out, "  {dice:.3}"))?;
        writeln!(out)?;
    }
    Ok(both[1])
}

/// FNV-1a over the bits of all weights: equal on every CPU, because loss and network are.
fn digest(network: &Network) -> u64 {
    let bytes = network.weights().flat_map(|weight| weight.to_bits().to_le_bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
