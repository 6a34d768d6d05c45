//! HTML: one page that needs nothing else.
//!
//! Style and script are inline, charts are inline SVG, and no request leaves the page. Without the script (it sorts
//! tables) everything can be read.

mod anatomy;
mod answer;
mod cuts;
mod drive;
mod escape;
mod evidence;
mod figure;
mod page;
mod peers;
mod run;
mod saturation;
mod survey;
mod table;
mod theory;
mod twins;

pub use drive::html as drive;
pub(crate) use escape::{escape, prose};
pub use page::html;
pub(crate) use table::plain as plain_table;
