FROM debian:12-slim AS build
RUN apt-get update && apt-get install -y --no-install-recommends make ca-certificates bash xz-utils dpkg-dev
WORKDIR /src
COPY . .
RUN make deb && cp build/hubport_*.deb /hubport.deb

FROM debian:12-slim
COPY --from=build /hubport.deb /tmp/hubport.deb
RUN apt-get update \
 && apt-get install -y --no-install-recommends /tmp/hubport.deb postgresql-client ca-certificates \
 && rm -rf /var/lib/apt/lists/* /tmp/hubport.deb \
 && useradd --system --user-group --home-dir /var/lib/hubport --no-create-home --shell /usr/sbin/nologin hubport \
 && install -d -o hubport -g hubport -m 700 /var/lib/hubport
USER hubport
ENV HUBPORT_LISTEN=0.0.0.0:8450 HUBPORT_DATA_DIR=/var/lib/hubport
VOLUME /var/lib/hubport
EXPOSE 8450
ENTRYPOINT ["/usr/bin/hubport"]
CMD ["serve"]
