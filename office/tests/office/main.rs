//! The office as its phones see it, and as it stands after a crash, a theft, a restore.

mod backups;
mod enrolment;
mod intake;
mod photos;
mod world;
