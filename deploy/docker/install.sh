#!/bin/sh
# Installs the packages that apps need at run time, into /app: install.sh <app>... Nothing but node_modules is left.
set -eu
cd /app
for app; do
  shift
  set -- "$@" -w "apps/$app"
done
# Not npm ci: the registry does not have every platform package that npm ci wants to see in the lock file.
npm install --no-save --omit=dev --loglevel=error "$@"
# TypeScript is a peer of a compiler plugin that nobody calls here. Parts that only tests use have links all the same.
rm -rf node_modules/typescript node_modules/@typescript node_modules/.package-lock.json
find . -type f -not -path '*/node_modules/*' -delete
find apps libs -type d -empty -delete
