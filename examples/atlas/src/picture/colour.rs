//! Colours that are distinguishable with colour blindness.

pub type Colour = [u8; 3];

pub const PAPER: Colour = [255, 255, 255];
pub const INK: Colour = [24, 28, 36];
pub const FAINT: Colour = [104, 110, 122];
pub const RULE: Colour = [214, 218, 226];

/// ColorBrewer's RdBu, reversed: blue below zero, red above.
const DIVERGING: [Colour; 11] = [
    [5, 48, 97],
    [33, 102, 172],
    [67, 147, 195],
    [146, 197, 222],
    [209, 229, 240],
    [247, 247, 247],
    [253, 219, 199],
    [244, 165, 130],
    [214, 96, 77],
    [178, 24, 43],
    [103, 0, 31],
];

/// Background, then colours of Paul Tol's muted scheme.
const CLASSES: [Colour; 9] = [
    [238, 238, 240],
    [136, 204, 238],
    [221, 204, 119],
    [136, 34, 85],
    [17, 119, 51],
    [204, 102, 119],
    [51, 34, 136],
    [68, 170, 153],
    [153, 153, 51],
];

/// A voxel that is not counted.
pub const IGNORED: Colour = [168, 172, 180];

/// The colour of a class. Beyond the scheme, hues a golden angle apart, so that neighbouring classes differ.
pub fn of_class(class: usize) -> Colour {
    const GOLDEN: f32 = 0.381_966;
    CLASSES.get(class).copied().unwrap_or_else(|| {
        let hue = class as f32 * GOLDEN;
        let channel = |shift: f32| 0.55 + 0.35 * (std::f32::consts::TAU * (hue + shift)).cos();
        [0.0, 1.0 / 3.0, 2.0 / 3.0].map(|shift| (255.0 * channel(shift)) as u8)
    })
}

/// The colour of a number in [−1, 1]; numbers outside are clamped.
pub fn diverging(value: f32) -> Colour {
    let place = (value.clamp(-1.0, 1.0) + 1.0) / 2.0 * (DIVERGING.len() - 1) as f32;
    let below = (place as usize).min(DIVERGING.len() - 2);
    mix(DIVERGING[below], DIVERGING[below + 1], place - below as f32)
}

/// The grey level of a number in [0, 1], from black to white.
pub fn grey(value: f32) -> Colour {
    [(value.clamp(0.0, 1.0) * 255.0).round() as u8; 3]
}

/// A mixture with fraction `share` of the second colour.
pub fn mix(first: Colour, second: Colour, share: f32) -> Colour {
    blend([(first, 1.0 - share), (second, share)])
}

/// A weighted sum of colours.
pub fn blend(parts: impl IntoIterator<Item = (Colour, f32)>) -> Colour {
    let mut sum = [0f32; 3];
    for (colour, share) in parts {
        for (channel, part) in sum.iter_mut().zip(colour) {
            *channel += share * f32::from(part);
        }
    }
    sum.map(|channel| channel.round().clamp(0.0, 255.0) as u8)
}
