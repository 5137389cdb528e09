# Stagedoor as a container: one binary, no shell, not root.
#
#   docker build -t stagedoor .
#   docker run -p 7007:7007 -v "$PWD/app-config.yaml:/etc/stagedoor/app-config.yaml:ro" stagedoor

FROM rust:1.95-bookworm AS build
WORKDIR /src
# The dependencies first, behind a main that does nothing: they change less often than our code.
COPY .cargo .cargo
COPY Cargo.toml Cargo.lock ./
RUN mkdir src && echo 'fn main() {}' > src/main.rs && touch src/lib.rs \
    && cargo build --profile dist --locked \
    && rm -r src
COPY schema schema
COPY src src
# The placeholders are newer than the sources just copied; cargo goes by time.
RUN touch src/main.rs src/lib.rs && cargo build --profile dist --locked
# The state folder, so that a volume mounted there begins with an owner who may write.
RUN mkdir -p /image/var/lib/stagedoor

# glibc, libgcc and the system's certificate authorities; no shell, no package manager.
FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /src/target/dist/stagedoor /usr/local/bin/stagedoor
COPY --from=build --chown=65532:65532 /image/var/lib/stagedoor /var/lib/stagedoor
# app-config.yaml and its companions are looked for here, as Backstage does; `--config` names others.
WORKDIR /etc/stagedoor
USER 65532:65532
VOLUME ["/var/lib/stagedoor"]
# Without stagedoor.listen and backend.listen; the examples in deploy/ listen on 7008.
EXPOSE 7007
# Asks the address the configuration names, so it must be given the same --config as the service.
HEALTHCHECK --interval=10s --timeout=5s --start-period=5s CMD ["/usr/local/bin/stagedoor", "healthcheck"]
ENTRYPOINT ["/usr/local/bin/stagedoor"]
CMD ["serve"]
