//! Row kernels of the Sinkhorn sweep: fixed lanes, so that a sum has the same bits on every run.

use super::isa::Isa;
use super::scalar::Scalar;
use super::simd::Vector;
use crate::multiversion;

/// Points in a panel, and the padding of tiles: a multiple of every register's elements.
pub const LANES: usize = 32;

/// Sum of four registers, pairwise.
#[inline(always)]
fn total<T: Scalar, V: Vector<Elem = T>>(acc: [V; 4]) -> f64 {
    let mut lanes = [T::ZERO; 16];
    acc[0].add(acc[2]).add(acc[1].add(acc[3])).store(&mut lanes);
    let mut width = V::N / 2;
    while width > 0 {
        for l in 0..width {
            lanes[l] += lanes[l + width];
        }
        width /= 2;
    }
    lanes[0].to_f64()
}

/// exp(g + f − C/ε) of one register. The exponent is formed in f64: its terms cancel far below f32's rounding.
#[inline(always)]
fn gibbs<I: Isa, T: Scalar, S: Scalar>(cost: &[T], g: &[f64], f: I::F64, inv_eps: I::F64) -> S::Register<I> {
    let width = I::F64::N;
    let low = T::load_wide::<I>(cost).fnma(inv_eps, I::F64::load(g).add(f));
    let mut high = low;
    if S::WIDE == 2 {
        high = T::load_wide::<I>(&cost[width..]).fnma(inv_eps, I::F64::load(&g[width..]).add(f));
    }
    S::exp::<I>(S::round::<I>([low, high]))
}

/// exp(g + f − C/ε) of one register, all in the precision of the costs.
#[inline(always)]
fn gibbs_native<I: Isa, T: Scalar>(cost: &[T], g: &[T], f: T::Register<I>, inv_eps: T::Register<I>) -> T::Register<I> {
    T::exp::<I>(T::Register::<I>::load(cost).fnma(inv_eps, T::Register::<I>::load(g).add(f)))
}

/// out_j = e(C_j, g_j) by registers, the last one padded (`kernel` gets a weightless column there); returns their sum.
#[inline(always)]
fn exponentials<I: Isa, T: Scalar, G: Scalar, S: Scalar>(
    cost: &[T],
    g: &[G],
    out: &mut [S],
    kernel: impl Fn(&[T], &[G]) -> S::Register<I>,
) -> f64 {
    let n = cost.len();
    let (g, out) = (&g[..n], &mut out[..n]);
    let width = S::Register::<I>::N;
    let mut acc = [S::Register::<I>::splat(S::ZERO); 4];
    let mut j = 0;
    while j + 4 * width <= n {
        for (u, acc) in acc.iter_mut().enumerate() {
            let at = j + u * width..j + (u + 1) * width;
            let e = kernel(&cost[at.clone()], &g[at.clone()]);
            e.store(&mut out[at]);
            *acc = acc.add(e);
        }
        j += 4 * width;
    }
    while j < n {
        let len = width.min(n - j);
        let (mut c, mut z, mut padded) = ([T::ZERO; 16], [G::from_f64(f64::NEG_INFINITY); 16], [S::ZERO; 16]);
        c[..len].copy_from_slice(&cost[j..j + len]);
        z[..len].copy_from_slice(&g[j..j + len]);
        let e = kernel(&c, &z);
        acc[0] = acc[0].add(e);
        e.store(&mut padded);
        out[j..j + len].copy_from_slice(&padded[..len]);
        j += len;
    }
    total(acc)
}

#[inline(always)]
fn gibbs_row_body<I: Isa, T: Scalar, S: Scalar>(cost: &[T], g: &[f64], f: f64, inv_eps: f64, out: &mut [S]) -> f64 {
    let (f, inv_eps) = (I::F64::splat(f), I::F64::splat(inv_eps));
    exponentials::<I, T, f64, S>(
        cost,
        g,
        out,
        #[inline(always)]
        |c, g| gibbs::<I, T, S>(c, g, f, inv_eps),
    )
}

multiversion! {
    /// out_j = exp(g_j + f − C_j/ε), exponentiated in the precision of `out`; returns their sum. At most a few thousand
    /// columns a call keep f32 sums exact enough.
    pub fn gibbs_row<T: Scalar, S: Scalar>(cost: &[T], g: &[f64], f: f64, inv_eps: f64, out: &mut [S]) -> f64 => gibbs_row_body
}

#[inline(always)]
fn gibbs_row_native_body<I: Isa, T: Scalar>(cost: &[T], g: &[T], f: f64, inv_eps: f64, out: &mut [T]) -> f64 {
    let f = T::Register::<I>::splat(T::from_f64(f));
    let inv_eps = T::Register::<I>::splat(T::from_f64(inv_eps));
    exponentials::<I, T, T, T>(
        cost,
        g,
        out,
        #[inline(always)]
        |c, g| gibbs_native::<I, T>(c, g, f, inv_eps),
    )
}

multiversion! {
    /// `gibbs_row` with the exponent formed in the precision of the costs: in f32 it is off by f32's rounding of |g| + |f|.
    pub fn gibbs_row_native<T: Scalar>(cost: &[T], g: &[T], f: f64, inv_eps: f64, out: &mut [T]) -> f64 => gibbs_row_native_body
}

#[inline(always)]
fn row_max_body<I: Isa, T: Scalar>(cost: &[T], g: &[f64], inv_eps: f64) -> f64 {
    let n = cost.len();
    let g = &g[..n];
    let width = I::F64::N;
    let scale = I::F64::splat(inv_eps);
    let mut acc = [I::F64::splat(f64::NEG_INFINITY); 4];
    let mut j = 0;
    while j + 4 * width <= n {
        for (u, acc) in acc.iter_mut().enumerate() {
            let at = j + u * width;
            let z = T::load_wide::<I>(&cost[at..]).fnma(scale, I::F64::load(&g[at..]));
            *acc = z.max(*acc);
        }
        j += 4 * width;
    }
    let mut lanes = [0.0; 8];
    acc[0].max(acc[1]).max(acc[2].max(acc[3])).store(&mut lanes);
    let best = lanes[..width].iter().fold(f64::NEG_INFINITY, |m, &z| m.max(z));
    cost[j..].iter().zip(&g[j..]).fold(best, |m, (c, g)| m.max(g - c.to_f64() * inv_eps))
}

multiversion! {
    /// max_j g_j − C_j/ε, −inf for none.
    pub fn row_max<T: Scalar>(cost: &[T], g: &[f64], inv_eps: f64) -> f64 => row_max_body
}

#[inline(always)]
fn add_scaled4_body<I: Isa, T: Scalar>(rows: [&[T]; 4], w: [f64; 4], t: &mut [f64]) {
    let n = t.len();
    let rows = rows.map(|r| &r[..n]);
    let width = I::F64::N;
    // Loops, not `map`: its closure would be compiled without the level's instructions.
    let mut weights = [I::F64::splat(0.0); 4];
    for (wide, &w) in weights.iter_mut().zip(&w) {
        *wide = I::F64::splat(w);
    }
    let cut = n / width * width;
    let mut j = 0;
    while j < cut {
        let mut sum = I::F64::load(&t[j..]);
        for (row, &w) in rows.iter().zip(&weights) {
            sum = T::load_wide::<I>(&row[j..]).fma(w, sum);
        }
        sum.store(&mut t[j..]);
        j += width;
    }
    for j in cut..n {
        for (row, &w) in rows.iter().zip(&w) {
            t[j] = row[j].to_f64().fma::<I>(w, t[j]);
        }
    }
}

multiversion! {
    /// t_j += Σ_r w_r rows[r]_j over four rows.
    pub fn add_scaled4<T: Scalar>(rows: [&[T]; 4], w: [f64; 4], t: &mut [f64]) => add_scaled4_body
}

#[inline(always)]
fn add_scaled_body<I: Isa, T: Scalar>(row: &[T], w: f64, t: &mut [f64]) {
    for (t, &e) in t.iter_mut().zip(row) {
        *t = e.to_f64().fma::<I>(w, *t);
    }
}

multiversion! {
    /// t_j += w row_j.
    pub fn add_scaled<T: Scalar>(row: &[T], w: f64, t: &mut [f64]) => add_scaled_body
}

#[inline(always)]
fn dot4_body<I: Isa, T: Scalar>(rows: [&[T]; 4], v: &[f64]) -> [f64; 4] {
    let n = v.len();
    let rows = rows.map(|r| &r[..n]);
    let width = I::F64::N;
    let mut acc = [[I::F64::splat(0.0); 2]; 4];
    let mut j = 0;
    while j + 2 * width <= n {
        for u in 0..2 {
            let at = j + u * width;
            let v = I::F64::load(&v[at..]);
            for (row, acc) in rows.iter().zip(&mut acc) {
                acc[u] = T::load_wide::<I>(&row[at..]).fma(v, acc[u]);
            }
        }
        j += 2 * width;
    }
    let zero = I::F64::splat(0.0);
    let mut sums = [0.0; 4];
    for (sum, acc) in sums.iter_mut().zip(&acc) {
        *sum = total::<f64, I::F64>([acc[0], acc[1], zero, zero]);
    }
    for j in j..n {
        for (row, sum) in rows.iter().zip(&mut sums) {
            *sum = row[j].to_f64().fma::<I>(v[j], *sum);
        }
    }
    sums
}

multiversion! {
    /// Σ_j rows[r]_j v_j for four rows.
    pub fn dot4<T: Scalar>(rows: [&[T]; 4], v: &[f64]) -> [f64; 4] => dot4_body
}
