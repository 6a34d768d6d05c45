//! What every drawing must keep, for tests.

use super::Drawing;

/// Labels stand apart and inside the drawing, and no colour is fixed.
pub(crate) fn assert_tidy(title: &str, drawing: &Drawing) {
    assert!(!drawing.svg.contains("=\"#"), "{title} has a fixed colour");
    let (width, height) = drawing.size;
    for (index, one) in drawing.labels.iter().enumerate() {
        let inside = one.left >= -0.5
            && one.right <= width + 0.5
            && one.top >= -0.5
            && one.bottom <= height + 0.5;
        assert!(inside, "{title} {:?}: {one:?} is cut", drawing.size);
        for other in &drawing.labels[index + 1..] {
            let apart = one.right <= other.left
                || other.right <= one.left
                || one.bottom <= other.top
                || other.bottom <= one.top;
            assert!(apart, "{title} {:?}: {one:?} and {other:?}", drawing.size);
        }
    }
}
