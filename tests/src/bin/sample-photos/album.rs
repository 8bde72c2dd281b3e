//! The list of photos: what they show, where and when they were "taken", how the camera was held.

use std::fmt::Write as _;

use image::{RgbImage, imageops};
use xuncheng_tests::fixtures::{Camera, encode_with_quality};

use crate::render::Scene;
use crate::scenes::{covers, litter, mobility, trade, walls};

pub(crate) struct Photo {
    pub(crate) file: &'static str,
    pub(crate) scene: fn() -> Scene,
    title: &'static str,
    description: &'static str,
    /// Category of GB/T 47678.5: component or matter, and its code.
    kind: &'static str,
    code5: &'static str,
    role: Role,
    /// On an after-photo: its before-photo. On a close view: its scene.
    of: Option<&'static str>,
    /// Degrees north and east.
    position: (f64, f64),
    taken_at: &'static str,
    /// EXIF orientation; the pixels are stored turned accordingly.
    orientation: u16,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Scene,
    Close,
    Before,
    After,
}

impl Role {
    fn word(self) -> &'static str {
        match self {
            Self::Scene => "scene",
            Self::Close => "close",
            Self::Before => "before",
            Self::After => "after",
        }
    }
}

pub(crate) fn photos() -> Vec<Photo> {
    vec![
        Photo {
            file: "stall-on-pavement.jpg",
            scene: trade::stall,
            title: "人行道占道摆摊",
            description: "水果摊占用人行道和盲道，遮阳伞、纸箱、泡沫箱堆放，行人只能走机动车道。",
            kind: "matter",
            code5: "09006",
            role: Role::Before,
            of: None,
            position: (31.867_21, 106.743_10),
            taken_at: "2026:07:14 08:42:17",
            orientation: 1,
        },
        Photo {
            file: "stall-cleared-after.jpg",
            scene: trade::cleared,
            title: "占道摊点已清理",
            description: "摊点已劝离，人行道和盲道恢复畅通，地面已清扫。",
            kind: "matter",
            code5: "09006",
            role: Role::After,
            of: Some("stall-on-pavement.jpg"),
            position: (31.867_25, 106.743_06),
            taken_at: "2026:07:14 10:05:51",
            orientation: 3,
        },
        Photo {
            file: "manhole-missing-before.jpg",
            scene: covers::missing_scene,
            title: "污水井盖缺失",
            description: "机动车道边污水井盖缺失，居民用树枝和红色塑料袋临时警示，危及行人车辆。",
            kind: "matter",
            code5: "01002",
            role: Role::Before,
            of: None,
            position: (31.871_94, 106.739_52),
            taken_at: "2026:07:15 09:18:03",
            orientation: 1,
        },
        Photo {
            file: "manhole-missing-close.jpg",
            scene: covers::missing_close,
            title: "污水井盖缺失（近景）",
            description: "井口近景：井盖整体缺失，井圈锈蚀，周边路面破碎。",
            kind: "matter",
            code5: "01002",
            role: Role::Close,
            of: Some("manhole-missing-before.jpg"),
            position: (31.871_95, 106.739_54),
            taken_at: "2026:07:15 09:18:40",
            orientation: 6,
        },
        Photo {
            file: "manhole-replaced-after.jpg",
            scene: covers::replaced,
            title: "污水井盖已更换",
            description: "新铸铁井盖已安装，井圈周边混凝土已修补。",
            kind: "matter",
            code5: "01002",
            role: Role::After,
            of: Some("manhole-missing-before.jpg"),
            position: (31.871_92, 106.739_50),
            taken_at: "2026:07:15 15:46:29",
            orientation: 1,
        },
        Photo {
            file: "flyers-on-wall-before.jpg",
            scene: walls::flyers,
            title: "墙面非法小广告",
            description: "居民楼外墙张贴小广告十余张，并有喷涂电话号码。",
            kind: "matter",
            code5: "07001",
            role: Role::Before,
            of: None,
            position: (31.869_47, 106.741_83),
            taken_at: "2026:07:16 07:55:12",
            orientation: 1,
        },
        Photo {
            file: "flyers-removed-after.jpg",
            scene: walls::flyers_removed,
            title: "墙面小广告已清除",
            description: "小广告已铲除，喷涂已清洗，墙面恢复整洁。",
            kind: "matter",
            code5: "07001",
            role: Role::After,
            of: Some("flyers-on-wall-before.jpg"),
            position: (31.869_49, 106.741_80),
            taken_at: "2026:07:16 16:20:38",
            orientation: 8,
        },
        Photo {
            file: "laundry-over-pavement.jpg",
            scene: walls::laundry,
            title: "沿街晾挂衣物",
            description: "行道树与灯杆之间拉绳晾晒衣被，影响市容和通行。",
            kind: "matter",
            code5: "06007",
            role: Role::Scene,
            of: None,
            position: (31.865_38, 106.746_27),
            taken_at: "2026:07:17 10:31:44",
            orientation: 1,
        },
        Photo {
            file: "tactile-paving-damaged-before.jpg",
            scene: mobility::tactile_damaged,
            title: "盲道砖缺损",
            description: "盲道砖缺失四块，碎块散落，盲道中断。",
            kind: "matter",
            code5: "06051",
            role: Role::Before,
            of: None,
            position: (31.873_16, 106.737_94),
            taken_at: "2026:07:18 14:08:26",
            orientation: 1,
        },
        Photo {
            file: "tactile-paving-repaired-after.jpg",
            scene: mobility::tactile_repaired,
            title: "盲道砖已修复",
            description: "缺失盲道砖已补齐，盲道连续。",
            kind: "matter",
            code5: "06051",
            role: Role::After,
            of: Some("tactile-paving-damaged-before.jpg"),
            position: (31.873_14, 106.737_97),
            taken_at: "2026:07:20 11:37:05",
            orientation: 3,
        },
        Photo {
            file: "garbage-by-bins-before.jpg",
            scene: litter::garbage,
            title: "垃圾箱旁暴露垃圾",
            description: "两只垃圾桶满溢，桶旁堆放垃圾袋和纸箱，污水外流。",
            kind: "matter",
            code5: "06010",
            role: Role::Before,
            of: None,
            position: (31.863_97, 106.744_61),
            taken_at: "2026:07:19 07:12:50",
            orientation: 1,
        },
        Photo {
            file: "garbage-collected-after.jpg",
            scene: litter::collected,
            title: "暴露垃圾已清运",
            description: "垃圾已清运，桶盖关闭，地面已冲洗。",
            kind: "matter",
            code5: "06010",
            role: Role::After,
            of: Some("garbage-by-bins-before.jpg"),
            position: (31.863_99, 106.744_58),
            taken_at: "2026:07:19 09:02:33",
            orientation: 6,
        },
        Photo {
            file: "scooters-on-tactile-paving.jpg",
            scene: mobility::scooters,
            title: "电动车占用盲道乱停放",
            description: "六辆电动自行车停放在盲道上，盲道被完全占用。",
            kind: "matter",
            code5: "09010",
            role: Role::Scene,
            of: None,
            position: (31.870_62, 106.748_35),
            taken_at: "2026:07:21 09:14:05",
            orientation: 1,
        },
        Photo {
            file: "ad-board-faded.jpg",
            scene: walls::faded_board,
            title: "公益广告褪色破损",
            description: "公益宣传栏画面严重褪色、起皮，左下角脱落。",
            kind: "matter",
            code5: "07008",
            role: Role::Scene,
            of: None,
            position: (31.868_05, 106.735_92),
            taken_at: "2026:07:22 15:26:19",
            orientation: 1,
        },
        Photo {
            file: "kerb-broken.jpg",
            scene: mobility::kerb_broken,
            title: "路缘石缺损",
            description: "一块路缘石被撞断脱落，碎石散落在机动车道边。",
            kind: "matter",
            code5: "06050",
            role: Role::Scene,
            of: None,
            position: (31.874_20, 106.742_40),
            taken_at: "2026:07:23 08:50:57",
            orientation: 6,
        },
    ]
}

/// The JPEG of `upright` as this photo's camera would store it, and its quality.
pub(crate) fn developed(photo: &Photo, upright: &RgbImage, most_bytes: usize) -> (Vec<u8>, u8) {
    let camera = Camera {
        position: Some(photo.position),
        altitude_m: Some(358.0),
        taken_at: Some(photo.taken_at.to_owned()),
        offset: Some("+08:00".to_owned()),
        orientation: Some(photo.orientation),
        make: "Xuncheng".to_owned(),
        model: "Sample".to_owned(),
    };
    let stored = match photo.orientation {
        3 => imageops::rotate180(upright),
        6 => imageops::rotate270(upright),
        8 => imageops::rotate90(upright),
        _ => upright.clone(),
    };
    let mut quality = 92;
    loop {
        let bytes = encode_with_quality(&stored, Some(camera.tiff()), quality);
        if bytes.len() <= most_bytes || quality <= 40 {
            return (bytes, quality);
        }
        quality -= 2;
    }
}

/// `index.toml`: what a program that shows the photos needs to know of them.
pub(crate) fn index(photos: &[Photo]) -> String {
    let mut text = String::from(
        "# What the sample photos show. Written by the program that draws them: change it there.\n\
         # `of` names the before-photo of an after-photo, or the scene of a close view.\n",
    );
    for photo in photos {
        let quoted = |text: &str| format!("{text:?}");
        let of = photo.of.map(|file| format!("of = {}\n", quoted(file))).unwrap_or_default();
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            "\n[[photo]]\nfile = {}\ntitle = {}\ndescription = {}\nkind = {}\ncode5 = {}\nrole = {}\n{of}",
            quoted(photo.file),
            quoted(photo.title),
            quoted(photo.description),
            quoted(photo.kind),
            quoted(photo.code5),
            quoted(photo.role.word()),
        );
    }
    text
}
