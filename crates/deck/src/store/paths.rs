//! Where files lie, and that nobody else can read them or plant them: folders 0700, files 0600 from birth, no links,
//! no foreign owners.

use std::{
    fs::File,
    os::unix::fs::{DirBuilderExt, MetadataExt},
    path::{Path, PathBuf},
};

use rustix::{
    fs::{CWD, Mode, OFlags},
    process::{getegid, geteuid},
};

use super::{StoreError, error::shown};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folders {
    /// `config.toml`, `keys.toml`, `themes/*.toml`: written by the operator.
    pub config: PathBuf,
    /// Journal and locks.
    pub state: PathBuf,
    /// May be deleted at any time.
    pub cache: PathBuf,
}

impl Folders {
    /// The folders of this user (XDG on Linux); `None` when there is no home.
    pub fn of_user() -> Option<Self> {
        let dirs = directories::ProjectDirs::from("", "", "mldeck")?;
        Some(Self {
            config: dirs.config_dir().to_owned(),
            state: dirs.state_dir().unwrap_or_else(|| dirs.data_local_dir()).to_owned(),
            cache: dirs.cache_dir().to_owned(),
        })
    }

    /// All below one folder: `MLDECK_HOME`, and tests.
    pub fn under(root: &Path) -> Self {
        Self { config: root.join("config"), state: root.join("state"), cache: root.join("cache") }
    }
}

const OTHERS: u32 = 0o077;
const GROUP_WRITES: u32 = 0o020;
const WORLD_WRITES: u32 = 0o002;
const STICKY: u32 = 0o1000;

/// Makes `path` a folder of ours that nobody else can enter, and returns it without links in it.
///
/// # Errors
/// When it is a link, belongs to somebody else, or lies where others can exchange it.
pub fn private_dir(path: &Path) -> Result<PathBuf, StoreError> {
    let refuse = |why| StoreError::Unsafe { path: shown(path), why };
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true).mode(0o700).create(path).map_err(StoreError::io("creating", path))?;
    let meta = path.symlink_metadata().map_err(StoreError::io("looking at", path))?;
    if meta.is_symlink() {
        return Err(refuse("is a link; mldeck keeps its files in real folders only"));
    }
    if !meta.is_dir() {
        return Err(refuse("is no folder"));
    }
    if meta.uid() != geteuid().as_raw() {
        return Err(refuse("belongs to somebody else"));
    }
    let real = path.canonicalize().map_err(StoreError::io("resolving", path))?;
    for parent in real.ancestors().skip(1) {
        let meta = parent.metadata().map_err(StoreError::io("looking at", parent))?;
        let group = meta.mode() & GROUP_WRITES != 0 && meta.gid() != getegid().as_raw() && meta.gid() != 0;
        let world = meta.mode() & WORLD_WRITES != 0;
        if (group || world) && meta.mode() & STICKY == 0 {
            return Err(refuse("lies in a folder that others can write to"));
        }
    }
    if meta.mode() & (GROUP_WRITES | WORLD_WRITES) != 0 {
        return Err(refuse("can be written by others, who may have put files there; set it to 0700"));
    }
    if meta.mode() & OTHERS != 0 {
        // Only readable so far: nothing can have been planted. By descriptor, so that no link comes in between.
        let dir = rustix::fs::openat(CWD, &real, OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())
            .and_then(|dir| rustix::fs::fchmod(&dir, Mode::RWXU).map(|()| dir));
        dir.map_err(|errno| StoreError::io("closing to others", path)(errno.into()))?;
    }
    Ok(real)
}

/// Opens or creates a file of ours with mode 0600, whatever the umask.
///
/// # Errors
/// When it is a link or no plain file, has a second name, or belongs to somebody else.
pub fn private_file(path: &Path) -> Result<File, StoreError> {
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let file = rustix::fs::openat(CWD, path, flags, Mode::RUSR | Mode::WUSR).map_err(|errno| match errno {
        rustix::io::Errno::LOOP => StoreError::Unsafe { path: shown(path), why: "is a link" },
        _ => StoreError::io("opening", path)(errno.into()),
    })?;
    let file = File::from(file);
    let meta = file.metadata().map_err(StoreError::io("looking at", path))?;
    let why = if !meta.is_file() {
        "is no plain file"
    } else if meta.uid() != geteuid().as_raw() {
        "belongs to somebody else"
    } else if meta.nlink() > 1 {
        "has a second name somewhere"
    } else if meta.mode() & (GROUP_WRITES | WORLD_WRITES) != 0 {
        "can be written by others; set it to 0600"
    } else {
        if meta.mode() & OTHERS != 0 {
            rustix::fs::fchmod(&file, Mode::RUSR | Mode::WUSR)
                .map_err(|errno| StoreError::io("closing to others", path)(errno.into()))?;
        }
        return Ok(file);
    };
    Err(StoreError::Unsafe { path: shown(path), why })
}

/// Makes sure that the name of a new file survives a power loss.
pub(super) fn sync_dir(dir: &Path) -> Result<(), StoreError> {
    let sync = || File::open(dir)?.sync_all();
    sync().map_err(StoreError::io("syncing", dir))
}

/// File systems on which two hosts may hold the same file: SQLite's WAL needs shared memory and must not be used there.
/// `false` where the platform does not tell.
pub(super) fn is_network(dir: &Path) -> bool {
    #[cfg(target_os = "linux")]
    {
        // NFS, SMB, SMB2, CIFS, AFS, Ceph, 9P, FUSE (sshfs and its like), Coda, NCP, GFS2, OCFS2, Lustre.
        const MAGIC: [u32; 13] = [
            0x6969,
            0x517b,
            0xfe53_4d42,
            0xff53_4d42,
            0x5346_414f,
            0x00c3_6400,
            0x0102_1997,
            0x6573_5546,
            0x7375_7245,
            0x564c,
            0x0116_1970,
            0x7461_636f,
            0x0bd0_0bd0,
        ];
        rustix::fs::statfs(dir).is_ok_and(|stat| MAGIC.contains(&(stat.f_type as u32)))
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = dir;
        false
    }
}

/// The first free `<path>.<word>-<n>`.
pub(super) fn aside(path: &Path, word: &str) -> PathBuf {
    let name = |n: u32| {
        let mut name = path.as_os_str().to_owned();
        name.push(format!(".{word}-{n}"));
        PathBuf::from(name)
    };
    (1..).map(name).find(|path| path.symlink_metadata().is_err()).unwrap_or_else(|| name(0))
}
