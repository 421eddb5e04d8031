'use strict';

// Reads a PNG from standard input and writes the text of the QR code in it. Without a code it writes nothing.
const { readFileSync } = require('fs');
const jsQR = require('jsqr');
const { PNG } = require('pngjs');

const { data, width, height } = PNG.sync.read(readFileSync(0));
const code = jsQR(new Uint8ClampedArray(data), width, height, { inversionAttempts: 'dontInvert' });
process.stdout.write(code ? code.data : '');
