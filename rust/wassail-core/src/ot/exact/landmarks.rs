//! Cells of stored costs: what a point costs to a few of the other side tells where it lies.

use super::super::geometry::{Geometry, Picked};
use super::cells::Cells;
use crate::error::Result;
use crate::monitor::Monitor;
use crate::parallel::{chunks, map_chunks};
use crate::points::given::{Points, Side};

/// Points of the other side that tell.
const LANDMARKS: usize = 16;
/// K cells of points in three dimensions are K^(−2/3) of the variance; wider ones, by this much, lie in more.
const WIDE: f64 = 2.0;

/// Rows in cells, by one of each.
pub struct Representatives {
    /// The one nearest to the mean of its cell.
    pub points: Vec<u32>,
    /// What each cell weighs.
    pub masses: Vec<f64>,
}

/// Cells of the rows, if they lie in few dimensions. Rows i and k are as far apart as C_ij − C_kj vary over the landmarks j.
pub fn cells(
    costs: &Picked<'_>,
    weights: &[f64],
    scale: f64,
    monitor: &dyn Monitor,
) -> Result<Option<Representatives>> {
    let Some(side) = embedding(costs, scale, monitor)? else { return Ok(None) };
    let cells = Cells::of(&side, monitor)?;
    let equal = vec![1.0; side.count()];
    let whole = mean(&side);
    let variance =
        |points: &mut dyn Iterator<Item = u32>, center: &[f64]| points.map(|i| apart(&side, i, center)).sum::<f64>();
    let own: f64 = {
        let centers = cells.centers(&side, &equal)?;
        let each = cells.iter().zip(centers.chunks_exact(LANDMARKS));
        each.map(|(cell, center)| variance(&mut cell.iter().copied(), center)).sum()
    };
    let all = variance(&mut (0..side.count() as u32), &whole);
    // Not: what is not a number is not narrow.
    if !(own <= WIDE * (cells.len() as f64).powf(-2.0 / 3.0) * all && all > 0.0) {
        return Ok(None);
    }
    let centers = cells.centers(&side, weights)?;
    let nearest = |(cell, center): (&[u32], &[f64])| {
        let by = |i: &&u32, k: &&u32| apart(&side, **i, center).total_cmp(&apart(&side, **k, center));
        *cell.iter().min_by(by).expect("cells hold points")
    };
    let nearest = cells.iter().zip(centers.chunks_exact(LANDMARKS)).map(nearest);
    let mut each: Vec<(u32, f64)> = nearest.zip(cells.masses(weights)).collect();
    // Memory is read along.
    each.sort_unstable_by_key(|(point, _)| *point);
    let (points, masses) = each.into_iter().unzip();
    Ok(Some(Representatives { points, masses }))
}

/// Costs to the landmarks less their mean, in the unit of `scale`; none where one is forbidden.
fn embedding(costs: &Picked<'_>, scale: f64, monitor: &dyn Monitor) -> Result<Option<Side>> {
    let (n, m) = costs.shape();
    let parts = map_chunks(chunks(n, 1, 64), monitor, |rows| {
        let mut part = Vec::with_capacity(rows.len() * LANDMARKS);
        for i in rows {
            let own: [f64; LANDMARKS] = std::array::from_fn(|l| costs.at(i, l * m / LANDMARKS) / scale);
            let mean = own.iter().sum::<f64>() / LANDMARKS as f64;
            part.extend(own.map(|v| v - mean));
        }
        Ok(part)
    })?;
    let points = parts.concat();
    if points.iter().any(|v| !v.is_finite()) {
        return Ok(None);
    }
    Side::new(&Points::F64(points.into()), LANDMARKS, false).map(Some)
}

/// Squared distance of a point from a center.
fn apart(side: &Side, i: u32, center: &[f64]) -> f64 {
    center.iter().enumerate().map(|(k, c)| (side.coordinate(i as usize, k) - c).powi(2)).sum()
}

fn mean(side: &Side) -> Vec<f64> {
    let n = side.count();
    (0..side.dim()).map(|k| (0..n).map(|i| side.coordinate(i, k)).sum::<f64>() / n as f64).collect()
}

#[cfg(test)]
mod tests {
    use super::super::super::geometry::{Dense, PointCloud};
    use super::*;
    use crate::monitor::Silent;
    use crate::points::metric::Metric;
    use crate::rng::{Purpose, Stream};

    const N: usize = 1500;

    fn normals(d: usize, seed: u64) -> Vec<f64> {
        let mut out = vec![0.0; N * d];
        Stream::new(seed, 0, 0).normals(Purpose::Noise, 0, &mut out);
        out
    }

    /// Stored costs of points, of either order of rows and columns.
    fn found(d: usize, metric: Metric) -> [Option<Representatives>; 2] {
        let side = |seed| Points::F64(normals(d, seed).into());
        let cloud = PointCloud::new(side(1), side(2), d, metric);
        cloud.prepare(false).expect("no memory is short");
        let every = Picked { base: &cloud, rows: None, cols: None, swapped: false };
        let costs: Vec<f64> = (0..N * N).map(|at| every.at(at / N, at % N)).collect();
        let base = Dense::from_rows(&costs, N, N);
        let weights: Vec<f64> = (0..N).map(|i| 1.0 + (i % 5) as f64).collect();
        [false, true].map(|swapped| {
            let costs = Picked { base: &base, swapped, ..every };
            cells(&costs, &weights, 7.0, &Silent).expect("no memory is short")
        })
    }

    #[test]
    fn few_dimensions_are_told_from_many() {
        for metric in [Metric::SqEuclidean, Metric::Euclidean, Metric::Cityblock] {
            for found in found(2, metric) {
                let found = found.expect("the plane is narrow");
                assert!(found.points.is_sorted() && found.points.len() == found.masses.len());
                assert!((found.masses.iter().sum::<f64>() - 3.0 * N as f64).abs() < 1e-9 * N as f64);
            }
            assert!(found(8, metric).iter().all(Option::is_none));
        }
    }

    #[test]
    fn costs_without_differences_or_arcs_have_no_cells() {
        for odd in [0.0, f64::INFINITY] {
            let mut costs = vec![1.0; N * 40];
            costs[40 * 7] += odd;
            let base = Dense::from_rows(&costs, N, 40);
            let costs = Picked { base: &base, rows: None, cols: None, swapped: false };
            assert!(cells(&costs, &[1.0; N], 1.0, &Silent).expect("no memory is short").is_none());
        }
    }
}
