'use strict';

/**
 * Stands in for the package `request`, which the documented Node.js programs use and which is deprecated: the part of it
 * that they call, over node:http, with the headers that it sends.
 */
const http = require('node:http');

module.exports = function request({ method, url, auth: { user, pass }, form }, callback) {
  const body = form === undefined ? undefined : new URLSearchParams(form).toString();
  const headers = {
    authorization: `Basic ${Buffer.from(`${user}:${pass}`).toString('base64')}`,
    ...(body !== undefined && {
      'content-type': 'application/x-www-form-urlencoded',
      'content-length': Buffer.byteLength(body),
    }),
  };
  http
    .request(url, { method, headers, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk) => (text += chunk));
      response.on('end', () => callback(null, response, text));
    })
    .on('error', (error) => callback(error))
    .end(body);
};
