//! Random numbers: known answers, the law, and that a draw depends on its place only.

use wassail_core::rng::{PAIRS, Purpose, Stream, philox4x32};

/// Known answers of the authors' distribution of Philox4x32-10 (Random123, `kat_vectors`).
#[test]
fn philox_gives_the_known_answers() {
    let cases = [
        ([0; 4], [0; 2], [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]),
        ([u32::MAX; 4], [u32::MAX; 2], [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]),
        (
            [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344],
            [0xa409_3822, 0x299f_31d0],
            [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1],
        ),
    ];
    for (counter, key, words) in cases {
        assert_eq!(philox4x32(counter, key), words);
    }
}

/// Box and Muller's transformation of the same words, written plainly.
fn reference(key: u64, chain: u32, step: u64, coordinate: usize) -> f64 {
    let (group, lane) = (coordinate / (2 * PAIRS), coordinate % (2 * PAIRS));
    let block = (group * PAIRS + lane % PAIRS) as u32;
    let counter = [block, step as u32, (step >> 32) as u32, chain];
    let words = philox4x32(counter, [key as u32, (key >> 32) as u32]).map(u64::from);
    let (radial, angular) = (words[0] << 32 | words[1], words[2] << 32 | words[3]);
    let u = 1.0 - (radial >> 12) as f64 * 2f64.powi(-52);
    let quarter = ((angular << 2) >> 12) as f64 * 2f64.powi(-52) - 0.5;
    let angle = std::f64::consts::FRAC_PI_2 * quarter;
    let (x, y) = (angle.cos(), angle.sin());
    let (x, y) = if angular >> 62 & 1 == 1 { (y, x) } else { (x, y) };
    let sign = if angular >> 63 == 1 { -1.0 } else { 1.0 };
    sign * (-2.0 * u.ln()).sqrt() * if lane < PAIRS { x } else { y }
}

#[test]
fn normals_follow_the_plain_formula() {
    let mut out = [0.0; 1000];
    for (key, chain, step) in [(0, 0, 0), (u64::MAX, 7, 3), (0x1234_5678_9abc_def0, u32::MAX, (1 << 40) + 5)] {
        Stream::new(key, chain, step).normals(Purpose::Noise, 0, &mut out);
        for (i, &z) in out.iter().enumerate() {
            let expected = reference(key, chain, step, i);
            assert!((z - expected).abs() <= 1e-13 * (1.0 + expected.abs()), "{i}: {z} for {expected}");
        }
    }
}

#[test]
fn a_draw_depends_on_its_place_only() {
    let stream = Stream::new(5, 1, 9);
    let mut whole = vec![0.0; 40 * PAIRS + 3];
    stream.normals(Purpose::Noise, 0, &mut whole);
    for start in [0, 2 * PAIRS, 6 * PAIRS] {
        let mut part = vec![0.0; whole.len() - start];
        stream.normals(Purpose::Noise, start, &mut part);
        assert_eq!(part, whole[start..]);
    }
    let mut other = vec![0.0; whole.len()];
    stream.normals(Purpose::Partner, 0, &mut other);
    assert!(whole.iter().zip(&other).all(|(a, b)| a != b));
}

#[test]
fn fewer_draws_are_the_first_ones() {
    let stream = Stream::new(11, 2, 4);
    // Whole groups, one or two that the rest is made with, and a rest of any length.
    let mut whole = [0.0; 12 * PAIRS];
    stream.normals(Purpose::Noise, 0, &mut whole);
    for len in 1..whole.len() {
        let mut part = vec![0.0; len];
        stream.normals(Purpose::Noise, 0, &mut part);
        assert_eq!(part, whole[..len]);
    }
}

/// Standardized sums of z^p over many draws: their exact variances are moments of the normal law.
#[test]
fn moments_are_those_of_the_normal_law() {
    let n = 1 << 20;
    let mut z = vec![0.0; n];
    Stream::new(2026, 0, 0).normals(Purpose::Noise, 0, &mut z);
    let double_factorial = |p: i32| (1..p).rev().step_by(2).map(f64::from).product::<f64>();
    for p in 1..=8 {
        let expected = if p % 2 == 0 { double_factorial(p) } else { 0.0 };
        let variance = double_factorial(2 * p) - expected * expected;
        let mean = z.iter().map(|v| v.powi(p)).sum::<f64>() / n as f64;
        let score = (mean - expected) / (variance / n as f64).sqrt();
        assert!(score.abs() < 4.0, "moment {p}: z-score {score}");
    }
    // Neither the two halves of a group nor neighbors are correlated.
    for lag in [1, PAIRS, 2 * PAIRS] {
        let sum: f64 = z.iter().zip(&z[lag..]).map(|(a, b)| a * b).sum();
        assert!((sum / ((n - lag) as f64).sqrt()).abs() < 4.0, "lag {lag}");
    }
}

#[test]
fn uniforms_are_inside_and_integers_below() {
    let (mut sum, mut counts, n) = (0.0, [0u32; 7], 70_000);
    for step in 0..n {
        let stream = Stream::new(3, 0, step);
        let u = stream.uniform(Purpose::Accept, 0);
        assert!(0.0 < u && u < 1.0);
        sum += u;
        counts[stream.below(Purpose::Choice, 0, 7) as usize] += 1;
    }
    assert!(((sum / n as f64 - 0.5) * (12.0 * n as f64).sqrt()).abs() < 4.0);
    let chi2: f64 = counts.iter().map(|&c| (f64::from(c) - 10_000.0).powi(2) / 10_000.0).sum();
    assert!(chi2 < 27.0, "chi2 with 6 degrees of freedom: {chi2}");
}
