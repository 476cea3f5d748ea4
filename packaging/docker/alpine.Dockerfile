# Alpine, php:fpm-alpine, and others that have a sendmail already: there it is a link to busybox,
# and COPY follows links, so that COPY onto it would overwrite busybox.
ARG IMAGE=php:8.4-fpm-alpine
FROM ${IMAGE}
COPY --from=mailchute /usr/bin/mailchute /usr/bin/mailchute
RUN ln -sf /usr/bin/mailchute /usr/sbin/sendmail
