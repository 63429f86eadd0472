use super::*;

fn hashes(level: u8, index: u64, width: u16) -> TilePath {
    TilePath::new(Content::Hashes { level }, index, width).unwrap()
}

#[test]
fn paths_are_read_and_written() {
    let entries = |index, width| TilePath::new(Content::Entries, index, width).unwrap();
    for (path, tile) in [
        ("tile/0/000", hashes(0, 0, 256)),
        ("tile/0/x001/x234/067", hashes(0, 1_234_067, 256)),
        ("tile/0/x001/x234/067.p/1", hashes(0, 1_234_067, 1)),
        ("tile/1/999.p/255", hashes(1, 999, 255)),
        ("tile/2/x001/000", hashes(2, 1000, 256)),
        ("tile/63/x001/x000/000", hashes(63, 1_000_000, 256)),
        ("tile/0/x018/x446/x744/x073/x709/x551/615", hashes(0, u64::MAX, 256)),
        ("tile/entries/000", entries(0, 256)),
        ("tile/entries/x001/x234/067.p/8", entries(1_234_067, 8)),
    ] {
        assert_eq!(path.parse(), Ok(tile));
        assert_eq!(tile.to_string(), path);
    }
}

#[test]
fn other_spellings_are_refused() {
    for path in [
        "",
        "tile",
        "tile/",
        "tile/0",
        "tile/0/",
        "/tile/0/000",
        "tile/0/000/",
        "tile/00/000",
        "tile/64/000",
        "tile/256/000",
        "tile/-1/000",
        "tile/+1/000",
        "tile/1/0",
        "tile/1/0000",
        "tile/1/00a",
        "tile/1/+12",
        "tile/0/x000/001",
        "tile/0/x000/x001/001",
        "tile/0/001/001",
        "tile/0/x001",
        "tile/0/x001/x001",
        "tile/0/X001/001",
        "tile/0/x01/001",
        "tile/0//001",
        "tile/0/x001//001",
        "tile/0/000.p",
        "tile/0/000.p/",
        "tile/0/000.p/0",
        "tile/0/000.p/01",
        "tile/0/000.p/256",
        "tile/0/000.p/65537",
        "tile/0/000.p/1/1",
        "tile/0/000.p/1.p/1",
        "tile/0/x000.p/1/000",
        "tile/0/x018/x446/x744/x073/x709/x551/616",
        "tile/0/x999/x999/x999/x999/x999/x999/x999/999",
        "tile/entry/000",
        "tile/entries",
        "tile/entries/000.p/256",
        "tile/0/٠٠٠",
        "tile/0/000 ",
        "tile/0/000\n",
    ] {
        assert_eq!(path.parse::<TilePath>(), Err(NotATile), "{path}");
    }
}

#[test]
fn arbitrary_text_never_panics_and_what_is_read_is_written_alike() {
    let pieces = ["tile/", "entries/", "0/", "7/", "x001/", "x234/", "067", ".p/", "8", "256", "é", "/", "x", "000"];
    let mut state = 1_u64;
    let mut read = 0;
    for _ in 0..200_000 {
        let mut path = String::from("tile/0/");
        for _ in 0..4 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            path.push_str(pieces[usize::try_from(state >> 33).unwrap() % pieces.len()]);
        }
        if let Ok(tile) = path.parse::<TilePath>() {
            assert_eq!(tile.to_string(), path);
            read += 1;
        }
    }
    assert!(read > 100, "only {read} were paths");
    assert_eq!("x001/".repeat(100_000).parse::<TilePath>(), Err(NotATile));
    assert_eq!(format!("tile/0/{}000", "x001/".repeat(100_000)).parse::<TilePath>(), Err(NotATile));
}

#[test]
fn a_tree_of_70_000_has_the_tiles_that_the_specification_names() {
    let tiles: Vec<TilePath> = TilePath::of_tree(70_000).collect();
    let count = |level, full| {
        let of_level = tiles.iter().filter(|tile| tile.content() == Content::Hashes { level });
        of_level.filter(|tile| tile.is_full() == full).count()
    };
    assert_eq!((count(0, true), count(0, false), count(1, true), count(1, false), count(2, false)), (273, 1, 1, 1, 1));
    let partial: Vec<String> = tiles.iter().filter(|tile| !tile.is_full()).map(TilePath::to_string).collect();
    assert_eq!(partial, ["tile/0/273.p/112", "tile/1/001.p/17", "tile/2/000.p/1"]);
    assert!(tiles.iter().all(|tile| tile.nodes(70_000).is_some()));
    let names: Vec<String> = TilePath::of_tree(256).map(|tile| tile.to_string()).collect();
    assert_eq!(names, ["tile/0/000", "tile/1/000.p/1"]);
    assert_eq!(TilePath::of_tree(0).count(), 0);
    assert_eq!(TilePath::of_tree(u64::MAX).take(3).count(), 3);
}

#[test]
fn a_tile_exists_once_the_tree_has_all_its_nodes() {
    assert_eq!(hashes(0, 1, 44).nodes(300), Some(Run { level: 0, start: 256, count: 44 }));
    assert_eq!(hashes(0, 1, 45).nodes(300), None);
    assert_eq!(hashes(0, 0, 12).nodes(300), Some(Run { level: 0, start: 0, count: 12 }), "of an older checkpoint");
    assert_eq!(hashes(0, 1, 256).nodes(511), None);
    assert_eq!(hashes(1, 0, 1).nodes(255), None);
    assert_eq!(hashes(1, 0, 1).nodes(256), Some(Run { level: 8, start: 0, count: 1 }));
    assert_eq!(hashes(2, 0, 1).nodes(65_536), Some(Run { level: 16, start: 0, count: 1 }));
    let entries = TilePath::new(Content::Entries, 1, 2).unwrap();
    assert_eq!(entries.nodes(258), Some(Run { level: 0, start: 256, count: 2 }));
    assert_eq!(hashes(7, 0, 255).nodes(u64::MAX), Some(Run { level: 56, start: 0, count: 255 }));
    for level in 8..=63 {
        assert_eq!(hashes(level, 0, 1).nodes(u64::MAX), None);
    }
    for index in [u64::MAX, u64::MAX / 256, u64::MAX / 256 + 1, 1 << 56] {
        assert_eq!(hashes(0, index, 256).nodes(u64::MAX), None);
    }
    assert_eq!(hashes(0, (1 << 56) - 1, 255).nodes(u64::MAX).unwrap().count, 255);
}

#[test]
fn widths_and_levels_that_no_tile_has() {
    for (level, width) in [(64, 1), (255, 1), (0, 0), (0, 257), (0, u16::MAX)] {
        assert_eq!(TilePath::new(Content::Hashes { level }, 0, width), Err(NotATile));
    }
}

#[test]
fn bundles_are_read_and_written() {
    let entries: Vec<Vec<u8>> = (0..256).map(|length| vec![7; length]).collect();
    let bytes = format_bundle(&entries).unwrap();
    assert_eq!(&bytes[..5], [0, 0, 0, 1, 7]);
    assert_eq!(parse_bundle(&bytes).unwrap(), entries);
    assert_eq!(format_bundle(&[[9; 32]]).unwrap(), [&[0, 32][..], &[9; 32]].concat());
    assert_eq!(parse_bundle(&bytes[..bytes.len() - 1]), Err(NotABundle));
    assert_eq!(parse_bundle(&[bytes.as_slice(), &[0, 0]].concat()), Err(NotABundle), "257 entries");
    assert_eq!(parse_bundle(&[]), Err(NotABundle));
    assert_eq!(parse_bundle(&[0]), Err(NotABundle));
    assert_eq!(parse_bundle(&[255, 255, 0]), Err(NotABundle));
    assert_eq!(parse_bundle(&vec![0; 1_000_000]), Err(NotABundle));
    assert_eq!(format_bundle(&[] as &[Vec<u8>]), Err(NotABundle));
    assert_eq!(format_bundle(&[vec![0; 65_536]]), Err(NotABundle));
    assert_eq!(parse_bundle(&format_bundle(&[vec![0; 65_535]]).unwrap()).unwrap()[0].len(), 65_535);
}
