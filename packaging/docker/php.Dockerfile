# php:apache, php:fpm and what is made of them: wordpress, drupal, nextcloud, moodle.
# PHP calls /usr/sbin/sendmail -t -i by itself.
ARG IMAGE=php:8.4-apache
FROM ${IMAGE}
COPY --from=mailchute /usr/bin/mailchute /usr/sbin/sendmail
