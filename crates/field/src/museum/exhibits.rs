//! The exhibits, in the order of a visit.

mod comment_done;
mod cut_decoder;
mod glued_fields;
mod half_characters;
mod koa_ok;
mod lost_spaces;
mod never_ends;
mod no_line_ends;
mod no_prefix;
mod posts_again;
mod read_again;
mod serving;

use super::exhibit::Exhibit;

/// All of them.
pub const EXHIBITS: &[Exhibit] = &[
    no_prefix::NO_PREFIX,
    lost_spaces::LOST_SPACES,
    glued_fields::GLUED_FIELDS,
    no_line_ends::NO_LINE_ENDS,
    never_ends::NEVER_ENDS,
    comment_done::COMMENT_DONE,
    koa_ok::KOA_OK,
    half_characters::HALF_CHARACTERS,
    cut_decoder::CUT_DECODER,
    posts_again::POSTS_AGAIN,
    read_again::READ_AGAIN,
];
