-- A rival of "make bench": what the module does for a turn, with Lua in nginx,
-- lua-nginx-websocket, lua-cjson and cosockets.

local server = require "nginx.websocket.server"
local cjson = require "cjson"

local _M = {}

local find, sub = string.find, string.sub


local function send(wb, frame)
    return wb:send_text(cjson.encode(frame))
end


-- hands the content of each event that is whole over, returns the rest
local function events(text, content)
    local from = 1

    while true do
        local to = find(text, "\n\n", from, true)

        if not to then
            return sub(text, from)
        end

        local line = sub(text, from, to - 1)
        from = to + 2

        if sub(line, 1, 6) == "data: " and line ~= "data: [DONE]" then
            local event = cjson.decode(sub(line, 7))
            local choice = event.choices[1]
            local part = choice and choice.delta and choice.delta.content

            if part then
                content(part)
            end
        end
    end
end


-- reads a response with a chunked body
local function response(sock, content)
    repeat
        local line, err = sock:receive()

        if not line then
            return nil, err
        end
    until line == ""

    local text = ""

    while true do
        local line, err = sock:receive()

        if not line then
            return nil, err
        end

        local size = tonumber(line, 16)
        local data

        data, err = sock:receive(size + 2)

        if not data then
            return nil, err
        end

        if size == 0 then
            return true
        end

        text = events(text .. sub(data, 1, size), content)
    end
end


local function turn(wb, port, sender, message)
    local id = message.messageId
    local body = cjson.encode({
        model = "openclaw/main", stream = true,
        messages = { { role = "user", content = message.content } },
    })

    send(wb, { type = "chat.typing" })

    local sock = ngx.socket.tcp()

    sock:settimeout(600000)

    local ok, err = sock:connect("127.0.0.1", port)

    if ok then
        ok, err = sock:send({
            "POST /v1/chat/completions HTTP/1.1\r\n",
            "Host: 127.0.0.1:", port, "\r\n",
            "Content-Type: application/json\r\n",
            "x-openclaw-session-key: agent:main:websocket:direct:",
            message.senderId or sender, "\r\n",
            "Content-Length: ", #body, "\r\n\r\n", body,
        })
    end

    local answer = {}

    if ok then
        ok, err = response(sock, function(part)
            answer[#answer + 1] = part
            send(wb, { type = "chat.stream", messageId = id, content = part,
                       done = false })
        end)
    end

    if not ok then
        send(wb, { type = "chat.error", messageId = id, error = err })
        return
    end

    sock:setkeepalive(60000, 10000)

    send(wb, { type = "chat.response", messageId = id,
               content = table.concat(answer), done = true })
end


function _M.go(port)
    local wb, err = server:new({ timeout = 600000, max_payload_len = 1048576 })

    if not wb then
        ngx.log(ngx.ERR, "no websocket: ", err)
        return ngx.exit(400)
    end

    local sender = ngx.var.arg_senderId

    while true do
        local data, kind = wb:recv_frame()

        if not data or kind == "close" then
            return
        end

        if kind == "ping" then
            wb:send_pong(data)

        elseif kind == "text" then
            local message = cjson.decode(data)

            if message.type == "chat.send" then
                turn(wb, port, sender, message)
            end
        end
    end
end


return _M
