// Portkey listens on every address and has no option against it. A bench must not.
const net = require('node:net');

const listen = net.Server.prototype.listen;
net.Server.prototype.listen = function (port, ...rest) {
    if (typeof port !== 'number')
        return listen.call(this, port, ...rest);
    return listen.call(this, port, '127.0.0.1', ...rest.filter((arg) => typeof arg === 'function'));
};
