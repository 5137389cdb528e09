//! Reads all files into layers.

use std::{collections::BTreeSet, path::PathBuf, sync::Arc};

use futures_util::future::BoxFuture;

use super::{
    ConfigError, ConfigReader, Layer,
    discover::{self, Target},
    env_overrides,
    environment::Environment,
    files::{FileReader, ReadError},
    left_out::{self, Cause, LeftOut},
    sections,
    transform::Transformer,
    value::{Object, Value},
    yaml,
};

/// Fetches the body behind a URL, or says why not; the answer of a failed request is
/// `Request failed with <status> <text>`.
pub type Fetch = Arc<dyn Fn(String) -> BoxFuture<'static, Result<Vec<u8>, String>> + Send + Sync>;

/// What to load.
#[derive(Clone)]
pub struct LoadOptions {
    /// The values of `--config`, in order; empty means the default files of the root folder.
    pub targets: Vec<String>,
    /// Where the default files are.
    pub root_dir: PathBuf,
    /// What relative targets are relative to.
    pub working_dir: PathBuf,
    /// The variables to put in.
    pub environment: Environment,
    /// How to fetch URL targets; without it they are refused, as by the stock backend.
    pub remote: Option<Fetch>,
}

impl std::fmt::Debug for LoadOptions {
    /// Leaves the environment out: it holds secrets.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut fields = formatter.debug_struct("LoadOptions");
        fields
            .field("targets", &self.targets)
            .field("root_dir", &self.root_dir);
        fields.finish_non_exhaustive()
    }
}

impl LoadOptions {
    /// What `stagedoor --config …` loads, started in `working_dir`, whose nearest workspace root is looked for.
    pub fn new(
        targets: Vec<String>,
        working_dir: PathBuf,
        environment: Environment,
    ) -> Result<Self, ConfigError> {
        Ok(Self {
            targets,
            root_dir: discover::workspace_root(&working_dir)?,
            working_dir,
            environment,
            remote: None,
        })
    }
}

/// A configuration as it was read.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// Lowest layer first.
    pub layers: Vec<Layer>,
    /// Every file that was read, and every default file that was looked for: what to watch.
    pub files: BTreeSet<PathBuf>,
    left_out: Vec<LeftOut>,
    strictness: Strictness,
}

impl Loaded {
    /// A reader over the layers that also knows which keys were left out.
    pub fn into_reader(self) -> ConfigReader {
        ConfigReader::with_left_out(
            self.layers,
            self.left_out,
            self.strictness == Strictness::OwnParts,
        )
    }
}

/// Loads everything, as strictly as Backstage. Needs a tokio runtime: files are read on a blocking thread.
pub async fn load(options: &LoadOptions) -> Result<Loaded, ConfigError> {
    load_watched(options, Strictness::Backstage).await.1
}

/// What a `$file` or `$include` that cannot be followed means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Strictness {
    /// It ends the reading.
    Backstage,
    /// It ends the reading only in parts that we read; a process beside the portal may lack the portal's files.
    OwnParts,
}

/// Loads as [`load`] does and says which files to watch even when the loading failed.
pub(super) async fn load_watched(options: &LoadOptions, strictness: Strictness) -> Outcome {
    let sources = match fetch_all(options).await {
        Ok(sources) => sources,
        Err(error) => return (BTreeSet::new(), Err(error)),
    };
    let options = options.clone();
    let reading = tokio::task::spawn_blocking(move || read_all(&options, sources, strictness));
    let failed = |error| ConfigError::new(format!("Reading the configuration failed: {error}"));
    reading
        .await
        .unwrap_or_else(|error| (BTreeSet::new(), Err(failed(error))))
}

/// A source with what was fetched for it.
pub(super) enum Source {
    File(PathBuf),
    Remote(String, Vec<u8>),
}

pub(super) async fn fetch_all(options: &LoadOptions) -> Result<Vec<Source>, ConfigError> {
    let mut targets = discover::given(&options.targets, &options.working_dir);
    if targets.is_empty() {
        targets = discover::discover(&options.root_dir, &options.environment);
    }
    let mut sources = Vec::with_capacity(targets.len());
    for target in targets {
        sources.push(match target {
            Target::File(path) => Source::File(path),
            Target::Url(url) => fetch(options, url).await?,
        });
    }
    Ok(sources)
}

async fn fetch(options: &LoadOptions, url: String) -> Result<Source, ConfigError> {
    let Some(fetch) = &options.remote else {
        return Err(ConfigError::new(format!(
            "Config argument \"{url}\" looks like a URL but remote configuration is not enabled. \
             Enable it by passing the `remote` option"
        )));
    };
    let body = fetch(url.clone()).await.map_err(ConfigError::new)?;
    Ok(Source::Remote(url, body))
}

/// The files to watch, and what came of reading them.
pub(super) type Outcome = (BTreeSet<PathBuf>, Result<Loaded, ConfigError>);

fn read_all(options: &LoadOptions, sources: Vec<Source>, strictness: Strictness) -> Outcome {
    let mut loading = Loading {
        environment: &options.environment,
        files: FileReader::default(),
        left_out: Vec::new(),
        is_lenient: strictness == Strictness::OwnParts,
    };
    let layers = loading.layers(sources);
    let mut files = loading.files.into_paths();
    if options.targets.is_empty() {
        files.extend(discover::candidates(&options.root_dir, &options.environment));
    }
    let loaded = layers.and_then(|layers| {
        check_own_parts(&loading.left_out, &layers)?;
        check_not_empty(&layers)?;
        Ok(Loaded {
            left_out: left_out::from_merged(loading.left_out, &layers),
            files: files.clone(),
            layers,
            strictness,
        })
    });
    (files, loaded)
}

/// Refuses what a file that could not be read should have held, where we read it.
fn check_own_parts(left_out: &[LeftOut], layers: &[Layer]) -> Result<(), ConfigError> {
    let is_present = |section: &str| {
        let holds = |layer: &Layer| layer.data.get(section).is_some_and(|value| *value != Value::Null);
        layers.iter().any(holds) || left_out.iter().any(|one| one.key == section)
    };
    let problem = left_out.iter().find_map(|one| match &one.cause {
        Cause::Include(problem) if sections::is_read(&one.key, is_present) => Some((one, problem)),
        _ => None,
    });
    problem.map_or(Ok(()), |(one, problem)| {
        let top = one.included_by.as_ref().unwrap_or(&one.file).display();
        let message = format!(
            "Failed to read config file at \"{top}\", error at .{}, {problem}",
            one.key
        );
        Err(ConfigError::new(message))
    })
}

fn check_not_empty(layers: &[Layer]) -> Result<(), ConfigError> {
    if layers.is_empty() {
        return Err(ConfigError::new(
            "Missing required config value at '' in 'mock-config'",
        ));
    }
    Ok(())
}

struct Loading<'a> {
    environment: &'a Environment,
    files: FileReader,
    left_out: Vec<LeftOut>,
    is_lenient: bool,
}

impl Loading<'_> {
    fn layers(&mut self, sources: Vec<Source>) -> Result<Vec<Layer>, ConfigError> {
        // First, as the reference finds out what is wrong with the variables before any file is read.
        let overrides = env_overrides::read(self.environment)?;
        let mut layers = Vec::new();
        for source in sources {
            let number = layers.len();
            layers.extend(match source {
                Source::File(path) => self.file(&path, number)?,
                Source::Remote(url, body) => Some(self.remote(url, &body, number)?),
            });
        }
        layers.extend(overrides.map(|data| Layer {
            context: "env".to_owned(),
            data,
        }));
        Ok(layers)
    }

    /// Reads one file; `None` when it holds nothing.
    fn file(&mut self, path: &std::path::Path, number: usize) -> Result<Option<Layer>, ConfigError> {
        let shown = path.display();
        let content = self.files.read(path).map_err(|error| match error {
            ReadError::Missing => ConfigError::new(format!("Config file \"{shown}\" does not exist")),
            ReadError::Other(message) => {
                ConfigError::new(format!("Failed to read config file at \"{shown}\", {message}"))
            }
        })?;
        let in_file =
            |message| ConfigError::new(format!("Failed to read config file at \"{shown}\", {message}"));
        let Some(raw) = yaml::parse(&content).map_err(|error| in_file(error.to_string()))? else {
            return Ok(None);
        };
        if raw == Value::Null {
            return Ok(None);
        }
        let data = self.transform(raw, (number, path), true).map_err(in_file)?;
        let context = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        Ok(Some(Layer { context, data }))
    }

    fn remote(&mut self, url: String, body: &[u8], number: usize) -> Result<Layer, ConfigError> {
        let raw = yaml::parse(body).map_err(|error| ConfigError::new(format!("{error} in {url}")))?;
        let raw = raw.filter(|raw| *raw != Value::Null);
        let raw = raw.ok_or_else(|| ConfigError::new("configuration data is null"))?;
        let data = self
            .transform(raw, (number, url.as_ref()), false)
            .map_err(ConfigError::new)?;
        Ok(Layer { context: url, data })
    }

    fn transform(
        &mut self,
        raw: Value,
        layer: (usize, &std::path::Path),
        is_file: bool,
    ) -> Result<Object, String> {
        let (_, path) = layer;
        let mut transformer = Transformer {
            environment: self.environment,
            files: is_file.then_some(&mut self.files),
            left_out: &mut self.left_out,
            layer,
            is_lenient: self.is_lenient,
            including: is_file
                .then(|| (path.to_owned(), String::new()))
                .into_iter()
                .collect(),
        };
        transformer.root(raw, path.parent().unwrap_or(path))
    }
}
